"""httpx for what listens on this machine, over plain HTTP. By itself it reads the authorities of TLS for each client that it makes, and so
for each `httpx.get`: 25 ms of CPU, and the tests ask thousands of times."""

import ssl
from functools import partial

import httpx

_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts no authority, and reads none."""

Client = partial(httpx.Client, verify=_NOBODY)
request = partial(httpx.request, verify=_NOBODY)
get = partial(httpx.get, verify=_NOBODY)
post = partial(httpx.post, verify=_NOBODY)
delete = partial(httpx.delete, verify=_NOBODY)
stream = partial(httpx.stream, verify=_NOBODY)
