"""The release store on AWS: a folder of manifests in a bucket."""

from infra.errors import UserError
from infra.provider.aws.session import call, client
from infra.release.manifest import NAME, Manifest, parse


def manifests(region: str, bucket: str, prefix: str) -> list[Manifest]:
    """Every manifest under ``prefix``, the newest first. Raises :class:`UserError` when the bucket can't be read."""
    s3 = client("s3", region)
    what = f"The release store s3://{bucket}/{prefix}"
    keys: list[str] = []
    more: dict[str, str] = {}
    while True:
        page = call(what, s3.list_objects_v2, Bucket=bucket, Prefix=prefix, **more)
        keys += [item["Key"] for item in page.get("Contents", []) if item["Key"].endswith(f"/{NAME}")]
        if not page.get("IsTruncated"):
            break
        more = {"ContinuationToken": page["NextContinuationToken"]}
    found = [_manifest(what, call(what, s3.get_object, Bucket=bucket, Key=key)["Body"].read(), key) for key in keys]
    return sorted(found, key=lambda manifest: manifest.created_at, reverse=True)


def _manifest(what: str, body: bytes, key: str) -> Manifest:
    try:
        return parse(body.decode())
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{what} holds {key}, which is no manifest of a release. Move it away.") from None
