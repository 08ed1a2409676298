resource "aws_appautoscaling_target" "endpoint" {
  count = var.max_instances == null ? 0 : 1

  service_namespace  = "sagemaker"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  resource_id        = "endpoint/${aws_sagemaker_endpoint.scorer.name}/variant/${local._variant}"
  min_capacity       = var.instance_count
  max_capacity       = var.max_instances

  lifecycle {
    precondition {
      condition     = var.max_instances >= var.instance_count
      error_message = "max_instances must not be below instance_count."
    }
  }
}

resource "aws_appautoscaling_policy" "endpoint" {
  count = var.max_instances == null ? 0 : 1

  name               = var.name
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.endpoint[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.endpoint[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.endpoint[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.invocations_per_minute
    scale_in_cooldown  = 300
    scale_out_cooldown = 60

    predefined_metric_specification {
      predefined_metric_type = "SageMakerVariantInvocationsPerInstance"
    }
  }
}
