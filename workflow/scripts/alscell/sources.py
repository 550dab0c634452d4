"""Where the raw files of a dataset are, and what the source itself says of them."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from alscell.transfer import DownloadFailed

ZENODO = "https://zenodo.org"
ZENODO_RECORD = "zenodo.json"  # what the record is called in a mirror
SIGNED_FOR = 12 * 3600  # seconds that a signed S3 address is good for
LENGTHS = {32: "md5", 64: "sha256"}  # digits of a checksum


@dataclass(frozen=True)
class Listed:
    """What a source's own list says of one file; None and {} where it says nothing."""

    size: int | None = None
    md5: str | None = None
    sha256: str | None = None
    members: dict[str, int] = field(default_factory=dict)


def own_address(entry: dict[str, Any], origin: dict[str, Any]) -> str:
    """The address of a file at its source, '' if it has none.

    Parameters
    ----------
    entry : dict
        One of `source.files` of dataset.yaml: name, url.
    origin : dict
        url, zenodo and listing of `source`, where given.
    """
    if entry.get("url"):
        return str(entry["url"])
    if origin.get("zenodo"):
        return f"{ZENODO}/api/records/{origin['zenodo']}/files/{quote(entry['name'])}/content"
    return f"{origin['url'].rstrip('/')}/{quote(entry['name'])}" if origin.get("url") else ""


def mirror_address(mirror: str, dataset: str, name: str) -> str:
    """The address of a file in a mirror, which holds `<dataset>/<file>`."""
    return f"{mirror.rstrip('/')}/{dataset}/{name if mirror.startswith('s3://') else quote(name)}"


def listing_name(origin: dict[str, Any]) -> str:
    """What the list of files is called beside the files, '' if there is none."""
    if origin.get("listing"):
        return urlsplit(origin["listing"]).path.rpartition("/")[2]
    return ZENODO_RECORD if origin.get("zenodo") else ""


def listing_address(origin: dict[str, Any]) -> str:
    """The address of the list of files at its source, '' if there is none."""
    listing = origin.get("listing") or ""
    if "://" in listing:
        return listing
    if origin.get("zenodo") and not listing:
        return f"{ZENODO}/api/records/{origin['zenodo']}"
    return own_address({"name": listing}, origin) if listing else ""


def shown_address(address: str) -> str:
    """An address without the password that may stand in it."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else address


def openable(address: str) -> str:
    """An address that HTTP can open: s3://bucket/key is signed with the user's AWS credentials, if there are any.

    AWS_ENDPOINT_URL, AWS_PROFILE, AWS_DEFAULT_REGION and the like are read as every AWS tool reads them.

    Raises
    ------
    DownloadFailed
        If the AWS settings are broken.
    """
    if not address.startswith("s3://"):
        return address
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    bucket, _, key = address.removeprefix("s3://").partition("/")
    own_endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    try:
        session = boto3.Session()
        settings = Config(
            signature_version="s3v4" if session.get_credentials() else UNSIGNED,
            # Services other than Amazon's seldom have a host name for each bucket.
            s3={"addressing_style": "path" if own_endpoint else "auto"},
        )
        client = session.client("s3", config=settings, region_name=session.region_name or "us-east-1")
        names = {"Bucket": bucket, "Key": key}
        return client.generate_presigned_url("get_object", Params=names, ExpiresIn=SIGNED_FOR)
    except BotoCoreError as error:
        raise DownloadFailed(f"no signed address ({error})", again=False) from None


def read_listing(text: str, name: str) -> Listed | None:
    """What a list of files says of one of them; None if it does not name it.

    SOURCE: GEO's filelist.txt: tab-separated, '#Archive/File Name Time Size Type', members below their archive;
    lines of sha256sum and md5sum; the JSON of a Zenodo record (files: key, size, checksum 'md5:...').

    Raises
    ------
    ValueError
        If the text is no such list.
    """
    if text.lstrip().startswith("{"):
        return _read_zenodo(text, name)
    lines = [line.rstrip("\r") for line in text.splitlines() if line.strip()]
    if lines and lines[0].startswith("#Archive/File"):
        return _read_geo(lines, name)
    found = {}
    for line in lines:
        match = re.fullmatch(r"([0-9a-fA-F]{32}|[0-9a-fA-F]{64}) [ *](?:\./)?(.+)", line)
        if not match and not line.startswith("#"):
            raise ValueError("neither GEO's filelist.txt nor lines of checksum and name")
        if match:
            found[match.group(2)] = Listed(**{LENGTHS[len(match.group(1))]: match.group(1).lower()})
    if not found:
        raise ValueError("an empty list")
    return found.get(name)


def _read_geo(lines: list[str], name: str) -> Listed | None:
    columns = lines[0].split("\t")
    size, members, inside, listed = None, {}, False, False
    for line in lines[1:]:
        row = dict(zip(columns, line.split("\t"), strict=False))
        if not row.get("Size", "").isdigit():
            raise ValueError(f"a line of filelist.txt without a size: {line[:80]}")
        if row["#Archive/File"] == "Archive":
            inside = row["Name"] == name
        if row["Name"] == name:
            size, listed = int(row["Size"]), True
        elif inside:
            members[row["Name"]] = int(row["Size"])
    return Listed(size=size, members=members) if listed else None


def _read_zenodo(text: str, name: str) -> Listed | None:
    record = json.loads(text)
    files = record.get("files")
    if not isinstance(files, list):
        raise ValueError("no record of Zenodo with files")
    for entry in files:
        if entry.get("key") == name:
            kind, _, checksum = str(entry.get("checksum") or "").partition(":")
            size = entry.get("size")
            known = {kind: checksum.lower()} if kind in ("md5", "sha256") and checksum else {}
            return Listed(size=size if isinstance(size, int) else None, **known)
    return None
