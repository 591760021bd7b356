#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The REST API and the command line against the real provisioner: what is refused, how, and with what left unchanged. Its
other listeners and its lives: test_appliance.py."""

import contextlib
import json
import os
import re
import socket
import ssl
import sys
import threading
import uuid

import ns
from appliance import API_PORT, Appliance, Stream, expect_problem

sys.dont_write_bytecode = True
ns.need("ip", "dnsmasq", "openssl")

GIB = 1 << 30
appliance = Appliance()
get, post, call = appliance.get, appliance.post, appliance.call
tokens = {}
PUBLIC = {("POST", "/v1/session"), ("GET", "/v1/consoles/{ticket}")}  # whoever asks
SAMPLE = re.compile(r'([a-z_:][a-z0-9_:]*)(\{(?:[a-z_]+="[^"\\\n]*",?)*\})? ([0-9.e+-]+|NaN)')


def prepare():
    """A state that would take a rack to come to: a pool that is made, volumes in it, tokens of all roles."""
    appliance.start()
    appliance.stop()
    with appliance.database() as db:
        pool = json.loads(db.execute("SELECT body FROM document WHERE kind = 'pool'").fetchone()[0])
        pool.update(made=True, state="active", available_bytes=10 * GIB)
        db.execute("UPDATE document SET body = ? WHERE kind = 'pool'", (json.dumps(pool),))
        for i in range(8):
            appliance.put(db, "volume", name=f"disk-{i}", pool="default", state="available", size_bytes=GIB)
        appliance.put(db, "image", name="guest", pool="default", state="uploading")
        for role in ("viewer", "operator", "admin"):
            tokens[role] = appliance.put_token(db, f"the-{role}", role)
    appliance.start()


def new_vm(name, volume="disk-0", **more):
    return {"name": name, "volume": volume, **more}


def drop_vm(name):
    answer = call("DELETE", f"/v1/vms/{name}")
    assert answer.status == 202, answer


def state_of_everything():
    """All that people see, but for what changes by itself."""
    return {path: get(path).json["items"] for path in ("/v1/machines", "/v1/volumes", "/v1/images", "/v1/vms", "/v1/tasks")}


# ---- who ----

def test_without_a_right_token_nothing_is_told():
    for token in (None, "wrong", "ingot_" + "A" * 43, appliance.token()[:-1], appliance.token() + "x"):
        for path in ("/v1/machines", "/v1/openapi.json", "/v1/events", "/metrics", "/v1/version", "/v1/vms/none"):
            answer = get(path, token=token)
            expect_problem(answer, 401, "unauthenticated")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        expect_problem(post("/v1/vms", new_vm("x"), token=token), 401, "unauthenticated")
    assert get("/v1/version", headers={"Authorization": f"bearer {appliance.token()}"}, token=None).status == 200
    expect_problem(get("/v1/version", headers={"Authorization": f"Basic {appliance.token()}"}, token=None), 401,
                   "unauthenticated")
    expect_problem(get(f"/v1/version?token={appliance.token()}", token=None), 401, "unauthenticated")


def test_a_role_reaches_as_far_as_it_does():
    before = state_of_everything()
    for path in ("/v1/machines", "/v1/vms", "/v1/tasks", "/metrics", "/v1/openapi.json"):
        assert get(path, token=tokens["viewer"]).status == 200
    changing = [("POST", "/v1/vms", new_vm("x")), ("POST", "/v1/volumes", {}), ("POST", "/v1/images", {}),
                ("DELETE", "/v1/volumes/disk-0", None), ("PUT", "/v1/images/guest/content", b"\0" * 512),
                ("POST", "/v1/machines/none/accept", None), ("POST", "/v1/tasks/none/cancel", None),
                ("GET", "/v1/vms/none/console", None)]
    for method, path, body in changing:
        expect_problem(call(method, path, body, token=tokens["viewer"]), 403, "forbidden",
                       words="this needs the role operator; token 'the-viewer' has the role viewer")
    assert state_of_everything() == before
    assert post("/v1/vms", new_vm("x"), token=tokens["operator"]).status == 201
    drop_vm("x")


def test_an_upload_is_refused_before_its_body():
    uploads = os.path.join(appliance.state, "uploads")
    for token, status in ((None, b"401"), (tokens["viewer"], b"403"), ("wrong", b"401")):
        head = "PUT /v1/images/guest/content HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\nExpect: 100-continue\r\n"
        head += f"Authorization: Bearer {token}\r\n" if token else ""
        data, closed = appliance.raw(head.encode() + b"\r\n")
        assert data.startswith(b"HTTP/1.1 " + status) and closed, data[:200]
    assert os.listdir(uploads) == []


# ---- what ----

def test_unknown_things_are_named():
    for path in ("/v1/machines/none", "/v1/vms/none", f"/v1/tasks/{uuid.uuid4()}", "/v1/volumes/none", "/v1/nodes/none"):
        kind = path.split("/")[2][:-1]
        expect_problem(get(path), 404, "not-found", words=f"there is no {kind} with the id or name")
    for method, path in (("POST", "/v1/machines/none/deploy"), ("POST", "/v1/vms/none/start"), ("DELETE", "/v1/images/none")):
        expect_problem(call(method, path), 404, "not-found")
    for path in ("/", "/v1", "/v1/", "/v1/machines/", "/v1/spaceships", "/v2/machines", "/v1/vms/a/b/c", "/agent/v1/desired"):
        expect_problem(get(path), 404, "not-found")
    for method, path in (("DELETE", "/v1/machines"), ("PATCH", "/v1/vms"), ("POST", "/v1/version")):
        answer = call(method, path)
        assert answer.status == 405 and "GET" in answer.headers["Allow"], answer


def test_wrong_json_is_named():
    before = state_of_everything()
    cases = [
        (new_vm("x", colour="red"), "colour", "colour: "),
        (new_vm("x", node="a"), "node", "node: "),  # a field there is, which is not for them to set
        ({"name": "x"}, "volume", "volume: is missing"),
        ({"volume": "disk-0"}, "name", "name: is missing"),
        (new_vm("-x-"), "name", "name: "),
        (new_vm("x" * 64), "name", "name: "),
        (new_vm("x", cpus="two"), "cpus", "cpus: "),
        (new_vm("x", cpus=0), "cpus", "cpus: "),
        (new_vm("x", cpus=2.5), "cpus", "cpus: "),
        (new_vm("x", cpus=1 << 70), None, ""),
        (new_vm("x", memory_bytes="1 elephant"), "memory_bytes", "memory_bytes: "),
        (new_vm("x", start="yes"), "start", "start: "),
        ({"name": None, "volume": "disk-0"}, "name", "name: "),
        ([new_vm("x")], "body", "must be a JSON object"),
        (b"\"x\"", None, "expected"),
        (b"{\"name\": \"x\", \"name\": \"y\"}", None, ""),
        (b"{\"name\": \"x\",}", None, "1"),
        (b"{\"name\": \"\xff\"}", None, ""),
        (b"\0", None, ""),
    ]
    for body, field, words in cases:
        answer = post("/v1/vms", body)
        assert answer.status == 400 and answer.json["code"] == "invalid", (body, answer)
        assert words in answer.json["detail"], (body, answer)
        assert field is None or answer.json["field"] == field, (body, answer)
    for path in ("/v1/vms/x/start", "/v1/tasks/x/cancel"):
        assert post(path, {"force": True}).status == 404  # whom it concerns comes first
    post("/v1/vms", new_vm("x"))
    expect_problem(post("/v1/vms/x/start", {"force": True}), 400, "invalid", "force")
    drop_vm("x")
    after = state_of_everything()
    assert {k: v for k, v in before.items() if k not in ("/v1/tasks", "/v1/volumes")} == \
        {k: v for k, v in after.items() if k not in ("/v1/tasks", "/v1/volumes")}


def test_json_is_at_most_32_levels_deep():
    def nested(levels):
        return b"{\"name\":" * (levels - 1) + b"{}" + b"}" * (levels - 1)

    assert "deep" not in post("/v1/vms", nested(32)).json["detail"]
    for levels in (33, 34, 1000, 7000):
        answer = post("/v1/vms", nested(levels))
        assert answer.status == 400 and "32" in answer.json["detail"], (levels, answer)
    answer = post("/v1/vms", b"[" * 60000)
    assert answer.status == 400, answer


def test_a_body_over_the_limit_is_refused():
    for body in (b" " * (64 * 1024 + 1), b" " * 900_000):
        expect_problem(post("/v1/volumes", body), 413, "too-large")
    expect_problem(post("/v1/vms", b" " * (512 * 1024 + 1)), 413, "too-large")  # it may carry user data
    head = (f"POST /v1/volumes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {appliance.token()}\r\n"
            "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
    data, closed = appliance.raw(head.encode() + (b"4000\r\n" + b" " * 0x4000 + b"\r\n") * 5 + b"0\r\n\r\n")
    assert data.startswith(b"HTTP/1.1 413 ") and closed, data[:200]
    for path in ("/v1/machines", "/v1/version"):
        expect_problem(call("GET", path, b"x"), 413, "too-large")
    assert post("/v1/vms", b" " * 60_000 + json.dumps(new_vm("x")).encode()).status == 201
    drop_vm("x")


def test_framing_that_can_be_read_in_two_ways_is_refused_and_closed():
    token = f"Authorization: Bearer {appliance.token()}\r\n"
    cases = {
        "Content-Length and Transfer-Encoding exclude each other": "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "there is more than one Content-Length": "Content-Length: 4\r\nContent-Length: 5\r\n",
        "a header's name has white space": "Content-Length : 4\r\n",
        "the only Transfer-Encoding understood": "Transfer-Encoding: gzip\r\n",
        "there is more than one Authorization": token,
    }
    for words, headers in cases.items():
        smuggled = b"GET /v1/machines HTTP/1.1\r\nHost: x\r\n" + token.encode() + b"\r\n"
        head = f"POST /v1/vms HTTP/1.1\r\nHost: x\r\n{token}{headers}\r\n".encode()
        data, closed = appliance.raw(head + b"0\r\n\r\n" + smuggled)
        assert data.startswith(b"HTTP/1.1 400 ") and closed, (words, data[:200])
        assert words.encode() in data, (words, data)
        assert data.count(b"HTTP/1.1 ") == 1, data  # what stood behind it was not taken for a request
    for head in (f"GET /v1/version HTTP/1.1\r\n{token}\r\n",  # no Host
                 f"POST /v1/vms HTTP/1.1\r\nHost: x\r\n{token}Content-Length: +4\r\n\r\n0000"):
        data, closed = appliance.raw(head.encode())
        assert data.startswith(b"HTTP/1.1 400 ") and closed, data[:200]


def test_taken_names_and_what_cannot_be():
    assert post("/v1/vms", new_vm("web")).status == 201
    before = state_of_everything()
    expect_problem(post("/v1/vms", new_vm("web", "disk-1")), 409, "exists", "name", "'web' is taken by virtual machine")
    expect_problem(post("/v1/vms", new_vm("other")), 409, "state", "volume", "'disk-0' is used by virtual machine web")
    expect_problem(post("/v1/vms", new_vm("other", "none")), 400, "invalid", "volume", "there is no volume 'none'")
    expect_problem(post("/v1/volumes", {"name": "disk-1", "size_bytes": GIB}), 409, "exists", "name")
    expect_problem(post("/v1/volumes", {"name": "large", "size_bytes": 11 * GIB}), 507, "capacity", "size_bytes",
                   "11 GiB is more than the pool can still store (10 GiB)")
    expect_problem(post("/v1/volumes", {"name": "odd", "size_bytes": 1000}), 400, "invalid", "size_bytes")
    expect_problem(post("/v1/images", {"name": "guest"}), 409, "exists", "name")
    expect_problem(post("/v1/images", {"name": "new", "sha256": "abc"}), 400, "invalid", "sha256")
    expect_problem(call("DELETE", "/v1/volumes/disk-0"), 409, "state", words="delete that first")
    expect_problem(call("PUT", "/v1/images/guest/content", b"x" * 513), 400, "invalid", words="a multiple of 512")
    expect_problem(call("PUT", "/v1/images/guest/content"), 400, "invalid")
    expect_problem(post("/v1/vms/web/migrate", {}), 409, "state", words="only one that runs can be migrated")
    expect_problem(post("/v1/vms/web/stop"), 409, "state", words="web is stopped; only one that runs can be stopped")
    expect_problem(get("/v1/vms/web/console"), 409, "state")
    assert state_of_everything() == before
    assert os.listdir(os.path.join(appliance.state, "uploads")) == []
    drop_vm("web")


def test_if_match():
    created = post("/v1/vms", new_vm("web"))
    etag = created.headers["ETag"]
    assert etag == f'"{created.json["revision"]}"' == get("/v1/vms/web").headers["ETag"]
    for wrong in ('"1"', "1", etag.strip('"'), f"W/{etag}", "*x"):
        expect_problem(call("DELETE", "/v1/vms/web", headers={"If-Match": wrong}), 412, "revision")
    assert get("/v1/vms/web").headers["ETag"] == etag
    assert call("DELETE", "/v1/vms/web", headers={"If-Match": etag}).status == 202
    expect_problem(get("/v1/vms/web"), 404, "not-found")


def test_pages_cursors_and_filters():
    for limit in ("0", "-1", "1001", "many", "", "1e3", " 5"):
        expect_problem(get(f"/v1/volumes?limit={limit.replace(' ', '%20')}"), 400, "invalid", "limit")
    for cursor in ("x", "1", "../etc", "%00", "00000000-0000-0000-0000-00000000000g"):
        answer = get(f"/v1/volumes?cursor={cursor}")
        assert answer.status == 400, (cursor, answer)
    expect_problem(get("/v1/volumes?state=great"), 400, "invalid", "state", "must be one of creating, available, ")
    expect_problem(get("/v1/events?after=x"), 400, "invalid", "after")
    everything = [v["name"] for v in get("/v1/volumes").json["items"]]
    assert len(everything) == 8
    for limit in (1, 3, 8, 9):
        names, after = [], None
        while True:
            page = get(f"/v1/volumes?limit={limit}" + (f"&cursor={after}" if after else "")).json
            assert len(page["items"]) <= limit
            names += [v["name"] for v in page["items"]]
            after = page["next"]
            if not after:
                break
        assert names == everything, (limit, names)
    assert len(get("/v1/volumes?state=available").json["items"]) == 8
    assert get("/v1/volumes?state=failed").json == {"items": [], "next": None, "total": 0}


# ---- Idempotency-Key ----

def keyed(body, key, **kwargs):
    return post("/v1/vms", body, headers={"Idempotency-Key": key}, **kwargs)


def test_a_call_with_the_same_key_creates_once():
    key = str(uuid.uuid4())
    first = keyed(new_vm("once", "disk-2", cpus=2), key)
    assert first.status == 201, first
    for again in (keyed(new_vm("once", "disk-2", cpus=2), key),
                  keyed(b'{"cpus":2,   "volume":"disk-2","name":"once"}', key)):
        assert (again.status, again.json, again.headers["Location"], again.headers["ETag"]) == \
            (first.status, first.json, first.headers["Location"], first.headers["ETag"]), again
    appliance.restart()
    again = keyed(new_vm("once", "disk-2", cpus=2), key)
    assert (again.status, again.json) == (first.status, first.json), again
    before = state_of_everything()
    expect_problem(keyed(new_vm("twice", "disk-3"), key), 409, "state", "Idempotency-Key",
                   "this key was used with another request; take a new one")
    expect_problem(keyed(new_vm("once", "disk-2", cpus=3), key), 409, "state", "Idempotency-Key")
    assert state_of_everything() == before
    # Another key, another's key, and another operation's key are others.
    expect_problem(keyed(new_vm("once", "disk-2", cpus=2), "another"), 409, "exists", "name")
    expect_problem(keyed(new_vm("once", "disk-2", cpus=2), key, token=tokens["operator"]), 409, "exists", "name")
    expect_problem(post("/v1/images", {"name": "guest"}, headers={"Idempotency-Key": key}), 409, "exists", "name")
    drop_vm("once")
    expect_problem(keyed(new_vm("once", "disk-2", cpus=2), key), 404, "not-found", words="is gone")


def test_a_key_remembers_the_task_and_no_failure():
    key = str(uuid.uuid4())
    expect_problem(keyed(new_vm("later", "none"), key), 400, "invalid", "volume")
    first = keyed(new_vm("later", "disk-3", start=True), key)  # what was refused left nothing: the key is free
    assert first.status == 202 and first.json["task"], first
    task = first.json["task"]
    ns.wait_until(lambda: get(f"/v1/tasks/{task}").json["state"] == "failed", 20, "there is no node to start it on")
    assert get("/v1/vms/later").json["task"] is None
    again = keyed(new_vm("later", "disk-3", start=True), key)
    assert again.status == 202 and again.json["task"] == task, again  # whoever waits for it learns how it ended
    drop_vm("later")


def test_wrong_keys_are_refused():
    for key in ("", "x" * 256, "caf\xe9"):
        answer = keyed(new_vm("x"), key)
        assert answer.status == 400, (key, answer)
    assert keyed(new_vm("x"), "x" * 255).status == 201
    drop_vm("x")


# ---- documents ----

def resolve(document, node, seen=()):
    if isinstance(node, dict):
        if "$ref" in node:
            target = document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            if node["$ref"] not in seen:
                resolve(document, target, (*seen, node["$ref"]))
        for value in node.values():
            resolve(document, value, seen)
    elif isinstance(node, list):
        for value in node:
            resolve(document, value, seen)


def test_openapi_speaks_of_every_route_and_of_no_other():
    document = get("/v1/openapi.json").json
    assert document["openapi"].startswith("3.1.")
    resolve(document, document)
    operations = {(method.upper(), path): operation for path, methods in document["paths"].items()
                  for method, operation in methods.items() if method != "parameters"}
    assert len(operations) >= 30
    nobody = str(uuid.uuid4())
    for (method, path), operation in operations.items():
        concrete = re.sub(r"\{[a-z]+\}", nobody, path)
        if operation.get("security") == []:
            assert "x-ingot-role" not in operation and (method, path) in PUBLIC, (method, path)
            continue
        expect_problem(call(method, concrete, token=None), 401, "unauthenticated")
        answer = call(method, concrete)
        if "{id}" in path:
            expect_problem(answer, 404, "not-found", words="with the id or name")
        elif path.startswith("/v1/session"):
            assert answer.status in (400, 401), (method, path, answer)  # a token has no session
        else:
            assert answer.status in (200, 400), (method, path, answer)
            assert str(answer.status) in operation["responses"] or "default" in operation["responses"]
        for other in {"GET", "POST", "PUT", "DELETE", "PATCH"} - {m for m, p in operations if p == path}:
            assert call(other, concrete).status == 405, (other, path)
    creating = [o for (m, p), o in operations.items() if m == "POST" and "{id}" not in p and "/session" not in p and "/check" not in p]
    assert all(any(p["name"] == "Idempotency-Key" for p in o["parameters"]) for o in creating) and len(creating) == 8


def test_answers_are_as_openapi_says():
    document = get("/v1/openapi.json").json
    schemas = document["components"]["schemas"]
    for path, name in (("/v1/volumes", "volume"), ("/v1/pools", "pool"), ("/v1/tasks", "task")):
        known = next(s for n, s in schemas.items() if n.lower() == name)["properties"]
        for item in get(path).json["items"]:
            assert set(item) <= set(known), (path, set(item) - set(known))


def test_metrics_can_be_read():
    answer = get("/metrics")
    assert answer.type == "text/plain" and "version=0.0.4" in answer.headers["Content-Type"]
    types, values = {}, {}
    for line in answer.data.decode().splitlines():
        if line.startswith("#"):
            _, kind, name, rest = line.split(" ", 3)
            assert kind in ("HELP", "TYPE"), line
            if kind == "TYPE":
                assert name not in types and rest in ("gauge", "counter"), line
                types[name] = rest
            continue
        name, labels, value = SAMPLE.fullmatch(line).groups()
        assert name in types and (name, labels) not in values, line
        values[name, labels] = float(value)
    assert values["ingot_volumes", '{state="available"}'] + values["ingot_volumes", '{state="in_use"}'] == 8
    assert values["ingot_netboot_up", None] == 1
    assert values["ingot_pool_available_bytes", '{pool="default"}'] >= 0


# ---- events ----

def test_events_are_followed_over_a_kill_without_loss_or_repeat():
    start = get("/v1/events").json["items"][-1]["id"]
    stream = Stream(appliance, start)
    stop = threading.Event()
    made = []

    def work():
        while not stop.is_set():
            name = f"busy-{len(made)}"
            try:
                if post("/v1/vms", new_vm(name, "disk-4")).status == 201:
                    call("DELETE", f"/v1/vms/{name}")
                    made.append(name)
                elif get(f"/v1/vms/{name}").status == 200:
                    call("DELETE", f"/v1/vms/{name}")
                else:  # the one before is there still: its deletion was cut off
                    call("DELETE", f"/v1/vms/busy-{len(made) - 1}")
            except (OSError, ValueError, ssl.SSLError):
                pass

    worker = threading.Thread(target=work)
    worker.start()
    try:
        last = int(start)
        for _ in range(4):
            last += 15
            stream.until(last)
            appliance.restart()
    finally:
        stop.set()
        worker.join()
    everything = [int(e["id"]) for e in appliance.events_after(start)]
    stream.until(everything[-1])
    stream.close()
    assert stream.ids == everything, (stream.ids, everything)
    assert len(made) >= 5
    for vm in get("/v1/vms").json["items"]:
        drop_vm(vm["name"])


def test_who_was_away_for_long_gets_everything_in_pieces():
    text = "x" * 400
    with appliance.stopped() as db:
        first = db.execute("SELECT max(seq) FROM event").fetchone()[0]
        for seq in range(first + 1, first + 6001):
            event = {"id": str(seq), "time": "2026-01-01T00:00:00.000Z", "kind": "test.said", "text": text}
            db.execute("INSERT INTO event VALUES (?, ?)", (seq, json.dumps(event)))
    stream = Stream(appliance, first)
    stream.until(first + 6000)
    assert stream.ids[:6000] == list(range(first + 1, first + 6001))
    assert 2 <= stream.connections <= 20, stream.connections
    post("/v1/vms", new_vm("after", "disk-5"))
    last = int(get("/v1/events").json["items"][-1]["id"])
    stream.until(last)
    assert stream.ids == list(range(first + 1, last + 1))
    stream.close()
    drop_vm("after")


# ---- the command line ----

def test_the_command_line_says_what_was_wrong():
    ingot = appliance.ingot
    ingot("vm", "create", "web", "--volume", "disk-6", check=0)
    cases = [
        (3, ("vm", "show", "none"), "There is no such thing: there is no vm with the id or name 'none'"),
        (4, ("vm", "create", "web", "--volume", "disk-7"), "The name is taken: name: 'web' is taken by virtual machine"),
        (5, ("vm", "stop", "web"), "Not possible in the present state: web is stopped"),
        (5, ("vm", "migrate", "web"), "only one that runs can be migrated"),
        (2, ("vm", "create", "other", "--volume", "none"), "field: volume (--volume)"),
        (10, ("volume", "create", "large", "--size", "11GiB"), "11 GiB is more than the pool can still store (10 GiB)"),
        (2, ("volume", "create", "odd", "--size", "1000"), "is not a multiple of 512"),
        (2, ("vm", "create", "other", "--volume", "disk-7", "--memory", "1KiB"), "memory"),
        (2, ("vm", "fly", "web"), "See 'ingot"),
        (2, ("vm", "create", "other", "--colour", "red"), "--colour"),
    ]
    for code, arguments, words in cases:
        result = ingot(*arguments, check=code)
        assert words in result.stderr and result.stdout == "", (arguments, result.stdout, result.stderr)
    result = ingot("vm", "start", "web", "--wait", check=10)
    assert "no node can take it (there are no nodes)" in result.stderr, result.stderr
    assert "wrong" not in ingot("vm", "list", token="wrong", check=7).stderr
    assert "the-viewer" in ingot("vm", "delete", "web", token=tokens["viewer"], check=8).stderr
    assert "token" in ingot("vm", "list", token=" ", check=2).stderr
    assert "INGOT_TOKEN" in ingot("vm", "list", INGOT_TOKEN="", check=2).stderr
    assert "https://" in ingot("vm", "list", INGOT_URL="http://127.0.0.1:1", check=2).stderr
    assert "INGOT_CACERT" in ingot("vm", "list", INGOT_URL="https://127.0.0.1:1", check=11).stderr
    assert ingot("vm", "list", INGOT_CACERT="/etc/hostname", check=2).stdout == ""
    ingot("vm", "delete", "web", "--wait", check=0)
    assert json.loads(ingot("vm", "list", "-o", "json", check=0).stdout)["items"] == []


class Relay:
    """Passes TLS on. Of the first connection on which a request goes out, the answer is kept back until released; then the
    connection is cut."""

    def __init__(self):
        with appliance.network.inside(appliance.home):
            self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.asked, self.release = threading.Event(), threading.Event()
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with appliance.network.inside(appliance.home):
                server = socket.create_connection(("127.0.0.1", API_PORT))
            first = self.connections == 1
            threading.Thread(target=self._requests, args=(client, server, first), daemon=True).start()
            threading.Thread(target=self._answers, args=(server, client, first), daemon=True).start()

    def _requests(self, client, server, first):
        """Counts TLS records (RFC 8446 section 5.1): the second of type application_data is the request, behind Finished."""
        data, records = b"", 0
        try:
            while chunk := client.recv(65536):
                data += chunk
                while first and len(data) >= 5 and len(data) >= 5 + int.from_bytes(data[3:5], "big"):
                    records += data[0] == 23
                    data = data[5 + int.from_bytes(data[3:5], "big"):]
                    if records == 2:
                        self.asked.set()
                server.sendall(chunk)
        except OSError:
            pass

    def _answers(self, server, client, first):
        try:
            while chunk := server.recv(65536):
                if first and self.asked.is_set():
                    self.release.wait(30)
                    break
                client.sendall(chunk)
        except OSError:
            pass
        for sock in (client, server):  # the other thread waits on them: closing alone would not end that
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def close(self):
        self.listener.close()


def test_the_command_line_asks_again_when_the_answer_was_lost():
    relay = Relay()
    results = []
    try:
        worker = threading.Thread(target=lambda: results.append(appliance.ingot(
            "vm", "create", "lost", "--volume", "disk-7", "-o", "json", INGOT_URL=f"https://127.0.0.1:{relay.port}")))
        worker.start()
        ns.wait_until(lambda: get("/v1/vms/lost").status == 200, 20, "the first call is carried out")
        relay.release.set()
        worker.join()
    finally:
        relay.close()
    assert results[0].returncode == 0, results[0].stderr
    assert relay.connections >= 2
    assert json.loads(results[0].stdout)["id"] == get("/v1/vms/lost").json["id"]
    drop_vm("lost")


prepare()
ns.main([value for name, value in list(globals().items()) if name.startswith("test_")], None)
