"""What differs between the environments on AWS beyond `infra/cloud.yaml`: one table, so that production's safety can be
reviewed at a glance."""

from dataclasses import dataclass

from infra.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One environment's row. Times in the unit of their name."""

    zones: int
    """Availability zones of the network."""
    nat_gateways: int
    """Ways out for the crawler, and AWS's services inside the network: in each zone, or in one for all."""
    final_snapshot: bool
    """Keep a last snapshot of the database when it is removed."""
    force_destroy: bool
    """Remove buckets, the registry and the vault of backups with what is in them. The deploying role may empty them
    only where this is so."""
    spot_weight: int
    """Of ten tasks above the first ones, how many may run on Spot."""
    bake_minutes: int
    """How long the previous release of the app stays ready for an instant way back after the switch; 0: none does. An
    alarm takes the release back only when it is raised within that: its periods, and two minutes until CloudWatch has
    them and looks."""
    performance_insights: bool
    log_exports: bool
    container_insights: bool
    second_region: bool
    """Keep a replica of APP_KEY in a second region (`infra/cloud_names.py` says which)."""
    lock_backups: bool
    """Nobody but an administrator can delete a backup before its time."""
    copy_backups: bool
    """Copy each backup to the second region."""
    test_restores: bool
    """Restore the newest backup every month, to see that it can be."""
    kept_images: int
    """Images of releases that the registry keeps at least; all previews share one registry."""


TABLE = {
    "production": Settings(
        zones=3, nat_gateways=3, final_snapshot=True, force_destroy=False, spot_weight=0,
        bake_minutes=5, performance_insights=True, log_exports=True, container_insights=True,
        second_region=True, lock_backups=True, copy_backups=True, test_restores=True, kept_images=50,
    ),
    "staging": Settings(
        zones=2, nat_gateways=1, final_snapshot=True, force_destroy=True, spot_weight=5,
        bake_minutes=3, performance_insights=True, log_exports=True, container_insights=True,
        second_region=True, lock_backups=False, copy_backups=False, test_restores=False, kept_images=30,
    ),
    "preview": Settings(
        zones=2, nat_gateways=1, final_snapshot=False, force_destroy=True, spot_weight=10,
        bake_minutes=0, performance_insights=False, log_exports=False, container_insights=False,
        second_region=False, lock_backups=False, copy_backups=False, test_restores=False, kept_images=500,
    ),
}  # fmt: skip


def settings(environment: str) -> Settings:
    """The row of an environment; raises :class:`UserError` for one that has no place on AWS."""
    if environment not in TABLE:
        raise UserError(
            f"The environment {environment} has no settings for AWS. Choose another environment "
            "(`pulumi config set pitchbar:environment staging`) or target (`pulumi config set pitchbar:target local`)."
        )
    return TABLE[environment]
