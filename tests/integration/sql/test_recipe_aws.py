"""Aurora that calls the Lambda function: the recipe at an emulator, its functions in a PostgreSQL."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import psycopg
import pytest
import scoring
from deployment.terraform import Terraform

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:cooler:live"
KEY = "test"
OVERRIDE = """
resource "aws_rds_cluster" "database" {
  lifecycle {
    ignore_changes = [scaling_configuration]
  }
}
"""
"""The emulator tells of a scaling that clusters of this kind do not have."""
LAMBDA = """
CREATE SCHEMA aws_commons;
CREATE SCHEMA aws_lambda;
CREATE TABLE public.answers (request json, status int, payload json);
CREATE FUNCTION aws_commons.create_lambda_function_arn(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION aws_lambda.invoke(text, json, OUT status_code int, OUT payload json)
LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO public.answers SELECT $2, 200, '{"success": true, "results": []}'
    WHERE NOT EXISTS (SELECT 1 FROM public.answers a WHERE a.request::text = $2::text);
  SELECT a.status, a.payload INTO STRICT status_code, payload
    FROM public.answers a WHERE a.request::text = $2::text;
END $$
"""
"""What the extension aws_lambda offers, with a table of answers in the place of Lambda."""


@pytest.fixture(scope="module")
def emulator(aws_emulator: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """AWS: the address of an emulator, empty."""
    with aws_emulator() as url:
        yield url


@pytest.fixture(scope="module")
def recipe(
    root: Path, emulator: str, terraform_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Terraform, dict[str, Any], dict[str, str]]:
    """A copy of the recipe, initialised, its variables, and the environment of the emulator."""
    folder = tmp_path_factory.mktemp("aws") / "recipe"
    shutil.copytree(root / "sql-scorer/terraform/aws", folder, ignore=shutil.ignore_patterns(".terraform*"))
    (folder / "emulator_override.tf").write_text(OVERRIDE)
    environment = {
        **terraform_environment,
        "AWS_ENDPOINT_URL": emulator,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
    }
    vpc = client(emulator, "ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    subnets = client(emulator, "ec2").describe_subnets()["Subnets"]
    terraform = Terraform(
        folder, state=folder / "state.tfstate", data=folder / "data", environment=environment
    )
    terraform.init()
    variables = {
        "name": "cooler", "function_arn": FUNCTION, "vpc_id": vpc,
        "subnet_ids": [subnet["SubnetId"] for subnet in subnets[:2]], "client_cidr_blocks": ["10.0.0.0/16"],
        "deletion_protection": False,
    }  # fmt: skip
    return terraform, variables, environment


def client(emulator: str, service: str) -> Any:
    return boto3.client(
        service, endpoint_url=emulator, region_name="us-east-1",
        aws_access_key_id=KEY, aws_secret_access_key=KEY,
    )  # fmt: skip


def test_applied_empty_destroyed(recipe: Any, emulator: str) -> None:
    terraform, variables, environment = recipe
    terraform.apply(terraform.plan(variables))
    outputs = terraform.outputs()

    (cluster,) = client(emulator, "rds").describe_db_clusters()["DBClusters"]
    assert cluster["StorageEncrypted"]
    assert cluster["Engine"] == "aurora-postgresql"
    (instance,) = client(emulator, "rds").describe_db_instances()["DBInstances"]
    assert not instance["PubliclyAccessible"]
    iam = client(emulator, "iam")
    policy = iam.get_role_policy(RoleName="cooler-invoke", PolicyName="invoke")["PolicyDocument"]
    assert policy["Statement"] == [
        {"Sid": "Score", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": FUNCTION}
    ]
    assert outputs["secret_arn"] == cluster["MasterUserSecret"]["SecretArn"]
    assert cluster["Endpoint"] in outputs["service"]
    password = "PASSWORD"
    assert password not in json.dumps(outputs).upper()
    assert [one["FeatureName"] for one in cluster["AssociatedRoles"]] == ["Lambda"]
    assert terraform.plan(variables).empty

    # The emulator cannot take a role away from a cluster; whatever else there is has to go.
    subprocess.run(
        ["terraform", "state", "rm", f"-state={terraform.state}", "aws_rds_cluster_role_association.invoke"],
        cwd=terraform.folder, env={**environment, "TF_DATA_DIR": str(terraform.data)},
        check=True, capture_output=True,
    )  # fmt: skip
    terraform.destroy(variables)
    assert client(emulator, "rds").describe_db_clusters()["DBClusters"] == []


def test_the_recipes_own_tests_pass(recipe: Any) -> None:
    terraform, _, environment = recipe
    done = subprocess.run(
        ["terraform", "test", "-no-color"],
        cwd=terraform.folder, capture_output=True, text=True, check=False,
        env={**environment, "TF_DATA_DIR": str(terraform.data)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_functions_send_what_the_lambda_function_understands(
    postgres: Any, root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    template = (root / "sql-scorer/terraform/aws/functions.sql.tftpl").read_text()
    statements = template.replace("${arn}", FUNCTION).replace("${schema}", "cooler")
    artifact = root / "sql-scorer/example/cooler.pipeline"
    monkeypatch.setenv("PIPELINE_URI", str(artifact))
    monkeypatch.setenv("SCORER_CACHE", str(tmp_path))
    monkeypatch.delenv("PIPELINE_DIGEST", raising=False)
    from aws_lambda_scorer import handler
    from aws_lambda_scorer.pipeline import Pipeline

    monkeypatch.setattr(handler, "PIPELINE", Pipeline())
    scorer = scoring.load(artifact)
    row = [
        float(cell) for cell in json.loads((root / "sql-scorer/example/request.json").read_text())["rows"][0]
    ]
    query = "SELECT place, scores FROM cooler.score_rows(%s::json) ORDER BY place"

    with psycopg.connect(postgres.database("aurora"), autocommit=True) as connection:
        connection.execute(LAMBDA.encode())
        connection.execute(
            statements.replace("CREATE EXTENSION IF NOT EXISTS aws_lambda CASCADE;", "").encode()
        )

        def call(batch: list[Any]) -> list[tuple[Any, ...]]:
            """Call once for the request, have the real handler answer it, and call again."""
            connection.execute("TRUNCATE answers")
            connection.execute(query, [json.dumps(batch)])
            ((request,),) = connection.execute("SELECT request FROM answers").fetchall()
            answer = json.dumps(handler.handle(request, None))
            connection.execute("UPDATE answers SET payload = %s", [answer])
            return connection.execute(query, [json.dumps(batch)]).fetchall()

        found = call([row, None, row])
        expected = dict(zip(scorer.output_names, scorer.outputs([row])[0].tolist(), strict=True))
        assert found == [(1, expected), (2, None), (3, expected)]
        with pytest.raises(psycopg.errors.RaiseException, match=r"refused the batch: .*17 inputs"):
            call([[1, 2]])
        connection.execute("UPDATE answers SET status = 500, payload = NULL")
        with pytest.raises(psycopg.errors.RaiseException, match="status 500"):
            connection.execute(query, ["[[1, 2]]"])
