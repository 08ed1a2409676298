import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

COMMANDS = {
    "data": "RECIPE --output -o --source",
    "experiment": "--target --output -o --report --test --group --time --budget --seed --recipe --source "
    "--drop --schema --predictions",
    "score": "--output -o --include --contributions original|transformed --errors fail|skip|null --threads "
    "--format",
    "inspect": "--json",
    "verify": "--json",
    "pack": "--output -o --schema --name --labels --target",
    "sample": "PIPELINE",
    "keys": "NAME",
    "new": "TEMPLATE DIR --pipeline",
    "new-template": "NAME --target --into",
    "package": "TEMPLATE NAME=VALUE",
    "deploy": "TEMPLATE --pipeline --name --var --var-file --backend-config --yes -y --plan --no-smoke",
    "deployments": "NAME --json --show-key",
    "smoke": "NAME",
    "logs": "NAME ARGUMENTS",
    "rollback": "NAME --to --yes --plan --no-smoke",
    "destroy": "NAME --yes --plan",
    "serve": "--host --port --workers --api-keys --admin-key-file --tls-cert --tls-key --data-dir --lenient",
}

CPU = """
import resource, sys
sys.argv = ["scoring", "--help"]
sys.stdout = open("/dev/null", "w")
from scoring_cli.main import main
try:
    main()
except SystemExit:
    pass
used = resource.getrusage(resource.RUSAGE_SELF)
heavy = {"numpy", "pyarrow", "polars", "rich", "lightgbm", "experiment", "deployment"} & set(sys.modules)
print(used.ru_utime + used.ru_stime, heavy, file=sys.stderr)
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_every_option_and_ends_with_examples(inside, command):
    done = inside(command, "--help")

    text = done.stdout
    assert done.returncode == 0
    assert done.stderr == ""
    for word in COMMANDS[command].split():
        assert word in text
    assert "Examples:" in text
    assert f"  scoring {command} " in text


def test_help_lists_all_commands_with_a_line_that_is_not_cut(inside):
    text = inside("--help").stdout

    listed = text[text.index("Commands:") : text.index("Examples:")]
    assert all(command in listed for command in COMMANDS)
    assert "..." not in listed
    assert max(map(len, text.splitlines())) <= 100


def test_help_loads_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", CPU], capture_output=True, text=True, check=True)

    seconds, heavy = done.stderr.split(" ", 1)
    assert heavy.strip() == "set()"
    assert float(seconds) < 0.5  # 0.15 on an idle machine


def test_the_version_is_that_of_the_package(inside):
    declared = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]["version"]

    assert inside("--version").stdout == f"scoring {declared}\n"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["scor"],
        ["score"],
        ["score", "x.pipeline", "data.csv"],
        ["score", "x.pipeline", "data.csv", "-o", "out.csv", "--errors", "ignore"],
        ["score", "x.pipeline", "data.csv", "-o", "out.csv", "--threads", "-1"],
        ["inspect", "--yaml", "x.pipeline"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_leaves_stdout_alone(inside, words):
    done = inside(*words)

    assert done.returncode == 2
    assert done.stderr or not words
    assert not words or done.stdout == ""
