"""Our own HTTP/1.1 client for upstream calls, on asyncio's protocols and llhttp's parser.

engine (`Transport`) → requests (bytes of a head) → pool (idle connections of an origin) → dialing (names, addresses, tls) → connection
(one socket) → exchange (one answer on it) → unpacking. deadlines is the one timer of them all.
"""
