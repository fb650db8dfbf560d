"""S3 by its API over HTTPS, for imported DAGs. The key is in the variables aws_access_key_id and aws_secret_access_key.

`wfctl import airflow` copies this file into projects that need it. Change it as you like.
"""

from __future__ import annotations

import datetime
import fnmatch
import hashlib
import hmac
import re
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from weft import Fail, Variable
from weft.exceptions import AirflowException


def signature(method: str, url: str, headers: dict[str, str], body: bytes, key: str, secret: str) -> str:
    """The header of authorisation of Signature Version 4 (AWS General Reference). `headers` has `x-amz-date` and what is signed."""
    parts = urlsplit(url)
    region = parts.netloc.removesuffix(".amazonaws.com").rpartition(".")[2]
    region = region if "-" in region else "us-east-1"
    query = "&".join(sorted(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in parse_qsl(parts.query, keep_blank_values=True)))
    signed = {"host": parts.netloc, **{name.lower(): value.strip() for name, value in headers.items()}}
    names = ";".join(sorted(signed))
    listed = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    request = "\n".join([method, quote(unquote(parts.path) or "/", safe="/-_.~"), query, listed, names, hashlib.sha256(body).hexdigest()])
    stamp = signed["x-amz-date"]
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    made = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        made = hmac.digest(made, part.encode(), "sha256")
    return f"AWS4-HMAC-SHA256 Credential={key}/{scope},SignedHeaders={names},Signature={hmac.digest(made, text.encode(), 'sha256').hex()}"


def request(base: str, method: str, bucket: str, key: str = "", query: dict[str, str] | None = None, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes | None:  # fmt: skip
    """A request; `None` where there is no such key."""
    import urllib.error
    import urllib.request

    url = f"{base.rstrip('/')}/{bucket}" + (f"/{quote(key, safe='/-_.~')}" if key else "") + (f"?{urlencode(query)}" if query else "")
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    sent = {**(headers or {}), "x-amz-date": stamp, "x-amz-content-sha256": hashlib.sha256(body).hexdigest()}
    sent["Authorization"] = signature(method, url, sent, body, Variable.get("aws_access_key_id"), Variable.get("aws_secret_access_key"))
    made = urllib.request.Request(url, body if method in ("PUT", "POST") else None, sent, method=method)
    try:
        with urllib.request.urlopen(made) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise AirflowException(f"{method} {url} answered {error.code}: {error.read()[:500]!r}") from None


def place(url: str, bucket: str | None = None) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`, or of a key with its bucket beside it."""
    if bucket is None or url.startswith("s3://"):
        parts = urlsplit(url)
        return parts.netloc, parts.path.lstrip("/")
    return bucket, url


def create(base: str, bucket: str, key: str, data: str | bytes, replace: bool) -> None:
    bucket, key = place(key, bucket)
    if not replace and request(base, "HEAD", bucket, key) is not None:
        raise Fail(f"s3://{bucket}/{key} is there already")
    request(base, "PUT", bucket, key, body=data.encode() if isinstance(data, str) else data)


def keys_of(base: str, bucket: str, prefix: str = "", delimiter: str = "") -> list[str]:
    """The keys with a prefix."""
    from xml.etree import ElementTree

    keys: list[str] = []
    more: str | None = ""
    while more is not None:
        query = {"list-type": "2", "prefix": prefix, "delimiter": delimiter, "continuation-token": more}
        answer = request(base, "GET", bucket, query={name: value for name, value in query.items() if value})
        if answer is None:
            raise Fail(f"there is no bucket {bucket}")
        tree = ElementTree.fromstring(answer)
        keys += [one.text or "" for one in tree.iterfind("{*}Contents/{*}Key")]
        more = tree.findtext("{*}NextContinuationToken")
    return keys


def delete(base: str, bucket: str, keys: Any, prefix: str | None) -> None:
    named = [keys] if isinstance(keys, str) else list(keys or [])
    for key in named or keys_of(base, bucket, prefix or ""):
        request(base, "DELETE", bucket, key)


def copy(base: str, source: tuple[str, str], target: tuple[str, str]) -> None:
    copied = request(base, "PUT", *target, headers={"x-amz-copy-source": f"/{source[0]}/{quote(source[1], safe='/-_.~')}"})
    if copied is None:
        raise Fail(f"there is no s3://{source[0]}/{source[1]}")


def has(base: str, keys: Any, bucket: str | None, wildcard: bool) -> bool:
    """Whether all keys are there."""
    for url in [keys] if isinstance(keys, str) else list(keys):
        home, key = place(url, bucket)
        if wildcard:
            prefix = re.split(r"[*?\[]", key)[0]
            if not any(fnmatch.fnmatchcase(found, key) for found in keys_of(base, home, prefix)):
                return False
        elif request(base, "HEAD", home, key) is None:
            return False
    return True
