"""One scoring pipeline on Amazon SageMaker."""
