"""One run of the driver on one deployment: Terraform opened, a plan shown, agreed to and applied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoring.problem import Problem
from scoring.scorer import Scorer

from deployment import record as states
from deployment.console import Console
from deployment.home import Place
from deployment.recipe import Recipe
from deployment.record import Record, Release, now
from deployment.smoke import smoke
from deployment.template import Template
from deployment.terraform import Plan, Terraform

KEPT = 3
"""Earlier artifacts that stay uploaded."""


@dataclass
class Work:
    """What a run works with. The caller holds the deployment's lock."""

    place: Place
    record: Record
    template: Template
    recipe: Recipe
    console: Console
    environment: Mapping[str, str]

    def open(self) -> Terraform:
        """Initialise Terraform with the deployment's state; a local state follows to a new backend."""
        record, recipe = self.record, self.recipe
        config = None if record.backend_config is None else Path(record.backend_config)
        if config is not None and recipe.backend is None:
            raise Problem(
                "backend_missing",
                400,
                f"The recipe {str(self.template.recipe)!r} declares no backend to configure.",
                "Copy backend.tf.example to backend.tf there, or leave --backend-config out.",
            )
        if recipe.backend is None and record.backend is not None:
            raise Problem(
                "backend_gone",
                400,
                f"The state of {record.name} is in a backend ({record.backend}); now the recipe names none.",
                "Put backend.tf back into the recipe's folder.",
            )
        self.place.make()
        state = self.place.state if recipe.backend is None else None
        terraform = Terraform(
            self.template.recipe, state=state, data=self.place.data, environment=self.environment
        )
        self.console.say(f"Terraform {terraform.version}: preparing {self.template.recipe}.")
        terraform.init(config)
        if recipe.backend is not None:
            self._move_in(terraform, recipe.backend)
        return terraform

    def _move_in(self, terraform: Terraform, backend: str) -> None:
        """Use the backend's workspace of the deployment's name, and bring a local state along."""
        record = self.record
        if record.backend is None or record.workspace:
            try:
                terraform.workspace(record.name)
                record.workspace = True
            except Problem as fault:
                if "workspaces not supported" not in str(fault).lower():
                    raise
                if not self.place.state.exists() and not record.history and terraform.resources():
                    raise Problem(
                        "backend_taken",
                        409,
                        f"The backend ({backend}) has no workspaces, and its state is another deployment's.",
                        "Give this deployment a place of its own there, with --backend-config.",
                    ) from None
        moves = self.place.state.exists() and record.backend is None
        record.backend = backend
        if moves:
            terraform.push_state(self.place.state)  # Terraform refuses where another state is
            self.place.state.rename(self.place.state.with_suffix(".moved"))
            stored = self.place.read()
            if stored is not None:  # remembered at once, whatever becomes of this run
                stored.backend, stored.workspace = backend, record.workspace
                stored.backend_config = record.backend_config
                self.place.write(stored)
            self.console.say(f"The state is in the backend ({backend}) from now on.")

    def plan(
        self, terraform: Terraform, variables: Mapping[str, Any], full: bool, destroy: bool = False
    ) -> Plan:
        """Make a plan and show it."""
        plan = terraform.plan(variables, destroy=destroy, var_files=self.var_files())
        self.console.show_plan(plan, full)
        return plan

    def var_files(self) -> Sequence[Path]:
        """List the kept files of variables."""
        return [self.place.kept_file(name) for name in self.record.var_files]

    def variables(self, pipeline: Path, extra: Mapping[str, Any], also: str | None = None) -> dict[str, Any]:
        """Put together all variables of an apply; `also` is the digest of a release that must stay."""
        values: dict[str, Any] = {**self.record.variables, **extra, "name": self.record.name}
        values["pipeline_path"] = str(pipeline)
        if "kept_pipeline_paths" in self.recipe.variables:
            needed = () if also is None or also == pipeline.stem else (also,)
            kept = dict.fromkeys([*needed, *self.record.kept_digests(pipeline.stem)])
            paths = map(self.place.artifact, kept)
            values["kept_pipeline_paths"] = [str(path) for path in paths if path.is_file()][:KEPT]
        return values

    def carry_out(
        self,
        terraform: Terraform,
        plan: Plan,
        variables: Mapping[str, Any],
        attempted: tuple[str, str | None],
        scorer: Scorer,
        test: bool,
    ) -> None:
        """Apply a plan, test the deployment and remember it; the record tells at any time how far it is."""
        record = self.record
        record.applied = dict(variables)
        record.attempted = attempted
        self._note(states.APPLYING)
        try:
            if not plan.empty:
                with self.console.progress("Applying") as step:
                    terraform.apply(plan, step)
            described = terraform.described_outputs()
            outputs = {name: output["value"] for name, output in described.items()}
            record.outputs = {
                name: output["value"] for name, output in described.items() if not output["sensitive"]
            }
            found = outputs.get("release")
            release = Release(attempted[0], None if found is None else str(found), now(), False)
            record.attempted = release.key
            if test:
                smoke(self.template.interface, outputs, scorer, self.console.say, self.environment)
            record.remember(Release(release.digest, release.release, release.at, sound=True))
        except Problem as fault:
            self._note(states.FAILED, f"{fault.code}: {fault.detail}")
            raise
        self._note(states.READY)
        applied = Path(str(variables["pipeline_path"])).stem
        self.place.prune({applied, *(each.digest for each in record.history)})

    def _note(self, state: str, error: str | None = None) -> None:
        self.record.state = state
        self.record.error = error
        self.record.changed = now()
        self.place.write(self.record)
