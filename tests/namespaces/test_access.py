#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may call the real provisioner: signing in, cookies, CSRF, roles on every operation, users, tokens, and what the audit
list says of all that."""

import contextlib
import http.cookies
import json
import os
import pty
import re
import sys
import threading
import time
import uuid

import ns
from appliance import ADDRESS, API_PORT, Appliance, expect_problem

sys.dont_write_bytecode = True
ns.need("ip", "dnsmasq")

HOST = f"{ADDRESS}:{API_PORT}"  # as appliance.call() says it
COOKIE = "__Host-ingot"
PASSWORD = "correct horse"
appliance = Appliance()
get, post, call = appliance.get, appliance.post, appliance.call
first = {}


class Session:
    """A browser that is signed in."""

    def __init__(self, name, password=PASSWORD):
        self.answer = post("/v1/session", {"name": name, "password": password}, token=None)
        assert self.answer.status == 201, self.answer
        self.cookie = http.cookies.SimpleCookie(self.answer.headers["Set-Cookie"])[COOKIE].value
        self.csrf = self.answer.json["csrf_token"]

    def call(self, method, path, body=None, csrf=True, origin=f"https://{HOST}", **headers):
        headers = {"Cookie": f"theme=dark; {COOKIE}={self.cookie}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if csrf:
            headers["X-CSRF-Token"] = self.csrf if csrf is True else csrf
        if origin:
            headers["Origin"] = origin
        return call(method, path, body, token=None, headers=headers)

    def get(self, path, **kwargs):
        return self.call("GET", path, csrf=False, **kwargs)


def make_user(name, role, **more):
    answer = post("/v1/users", {"name": name, "role": role, "password": PASSWORD, **more})
    assert answer.status == 201, answer
    return answer.json


def prepare():
    process = appliance.start()
    first["output"] = process.text
    with open(os.path.join(appliance.state, "admin.initial-password"), encoding="ascii") as f:
        first["password"] = f.read().strip()
    for role in ("viewer", "operator", "admin"):
        make_user(f"the-{role}", role)


def audit(query=""):
    return get(f"/v1/audit?sort=-time&limit=1000{query}").json["items"]


# ---- the first start ----

def test_the_first_start_makes_an_administrator_whose_password_is_said_once():
    path = os.path.join(appliance.state, "admin.initial-password")
    assert os.stat(path).st_mode & 0o7777 == 0o600
    said = re.findall(r"sign in as 'admin' with the password (\S+)", first["output"])
    assert said == [first["password"]], first["output"]
    session = Session("admin", first["password"])
    assert session.answer.json["user"]["password_change_required"] is True
    # Before it is changed it opens nothing, the way to another one excepted.
    for method, path in (("GET", "/v1/machines"), ("GET", "/v1/events"), ("POST", "/v1/tokens")):
        problem = session.call(method, path, {"name": "early"} if method == "POST" else None)
        expect_problem(problem, 403, "forbidden", "password_change_required", words="POST /v1/session/password")
    assert get("/v1/tokens?name=early").json["items"] == []
    assert session.get("/v1/session").json["user"]["password_change_required"] is True
    appliance.restart()
    assert "sign in as" not in appliance.process.text
    change = {"current": first["password"], "password": PASSWORD}
    expect_problem(session.call("POST", "/v1/session/password", {**change, "current": "wrong"}), 403, "forbidden", "current")
    expect_problem(session.call("POST", "/v1/session/password", {**change, "password": "short"}), 400, "invalid", "password")
    answer = session.call("POST", "/v1/session/password", change)
    assert answer.status == 200 and answer.json["user"]["password_change_required"] is False, answer
    assert session.get("/v1/machines").status == 200
    assert not os.path.exists(path)
    expect_problem(post("/v1/session", {"name": "admin", "password": first["password"]}, token=None), 401, "unauthenticated")


def test_a_password_can_be_given_by_a_file():
    path = os.path.join(appliance.state, "admin.password")
    appliance.stop()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
        f.write(PASSWORD + "\n")
    appliance.start()
    assert not os.path.exists(path)
    assert Session("admin").answer.json["user"]["password_change_required"] is False
    assert PASSWORD not in appliance.process.text


# ---- sessions ----

def test_signing_in_gives_a_cookie_that_only_the_browser_has():
    session = Session("the-operator")
    raw = session.answer.headers["Set-Cookie"]
    parts = {part.strip().lower() for part in raw.split(";")[1:]}
    assert parts == {"path=/", "secure", "httponly", "samesite=strict"}, raw
    assert raw.startswith(COOKIE + "=") and len(session.cookie) >= 43
    assert session.answer.headers["Cache-Control"] == "no-store"
    body = session.answer.json
    assert body["user"]["name"] == "the-operator" and body["user"]["role"] == "operator" and body["expires_at"]
    assert set(body) == {"user", "csrf_token", "expires_at"} and session.cookie not in json.dumps(body)
    again = session.get("/v1/session")
    assert again.status == 200 and again.json["csrf_token"] == session.csrf and again.json["user"] == body["user"]
    assert again.headers["Set-Cookie"] is None
    assert session.get("/v1/machines").status == 200
    expect_problem(get("/v1/session", token=None), 401, "unauthenticated")
    expect_problem(get("/v1/session"), 401, "unauthenticated", words="a token has no session")


def test_signing_out_ends_it():
    session, other = Session("the-viewer"), Session("the-viewer")
    answer = session.call("DELETE", "/v1/session")
    assert answer.status == 204 and answer.data == b"", answer
    assert "Max-Age=0" in answer.headers["Set-Cookie"] and f"{COOKIE}=;" in answer.headers["Set-Cookie"]
    expect_problem(session.get("/v1/machines"), 401, "unauthenticated")
    assert other.get("/v1/machines").status == 200


def test_a_wrong_name_and_a_wrong_password_look_the_same():
    answers = [post("/v1/session", {"name": name, "password": password}, token=None)
               for name, password in (("the-viewer", "wrong password"), ("no-such-user", "wrong password"))]
    assert answers[0].data == answers[1].data and answers[0].status == 401, answers
    assert all(a.headers["Set-Cookie"] is None for a in answers)
    for body, field in (({"name": "the-viewer"}, "password"), ({"password": "x"}, "name"),
                        ({"name": "the-viewer", "password": PASSWORD, "role": "admin"}, "role")):
        expect_problem(post("/v1/session", body, token=None), 400, "invalid", field)


def test_a_call_that_changes_something_needs_the_csrf_token():
    session, other = Session("the-admin"), Session("the-admin")
    body = {"name": "by-csrf", "role": "viewer"}
    for csrf in (False, "", "0" * 64, other.csrf, session.cookie):
        expect_problem(session.call("POST", "/v1/tokens", body, csrf=csrf), 403, "forbidden", "X-CSRF-Token")
    for origin in ("https://evil.example", f"http://{HOST}", f"https://{HOST}.evil.example", "null", f"https://{ADDRESS}"):
        expect_problem(session.call("POST", "/v1/tokens", body, origin=origin), 403, "forbidden", "Origin")
    expect_problem(call("POST", "/v1/session", {"name": "the-admin", "password": PASSWORD}, token=None,
                        headers={"Origin": "https://evil.example"}), 403, "forbidden", "Origin")
    assert all(t["name"] != "by-csrf" for t in get("/v1/tokens").json["items"])
    assert session.call("POST", "/v1/tokens", body, origin=None).status == 201  # no browser, or an old one
    assert session.call("DELETE", "/v1/tokens/by-csrf").status == 204
    assert session.get("/v1/machines", origin="https://evil.example").status == 200  # whose page cannot read it


def test_a_websocket_by_cookie_comes_from_our_own_pages():
    session = Session("the-operator")
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13",
               "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    for origin in (None, "https://evil.example"):
        expect_problem(session.get("/v1/vms/none/console", origin=origin, **upgrade), 403, "forbidden", "Origin")
    expect_problem(session.get("/v1/vms/none/console", **upgrade), 404, "not-found")


def test_a_session_survives_a_restart_and_streams_events():
    session = Session("the-viewer")
    appliance.restart()
    assert session.get("/v1/session").status == 200
    connection = appliance.connect(seconds=20)
    connection.sendall(f"GET /v1/events HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/event-stream\r\n"
                       f"Cookie: {COOKIE}={session.cookie}\r\n\r\n".encode())
    head = connection.recv(65536)
    assert head.startswith(b"HTTP/1.1 200 "), head
    make_user("seen", "viewer")
    data = b""
    while b"user.created" not in data:
        chunk = connection.recv(65536)
        assert chunk, data
        data += chunk
    assert session.call("DELETE", "/v1/session").status == 204
    call("DELETE", "/v1/users/seen")  # an event that it may not hear any more
    while not data.endswith(b"\r\n0\r\n\r\n"):  # the last chunk: the stream has ended
        chunk = connection.recv(65536)
        assert chunk, data
        data += chunk
    assert b"user.deleted" not in data, data
    connection.close()


def test_a_session_ends_when_it_was_left_alone():
    session = Session("the-viewer")
    with appliance.stopped() as db:
        for identifier, body in db.execute("SELECT id, body FROM document WHERE kind = 'sign_in_session'").fetchall():
            stored = json.loads(body)
            assert session.cookie not in body and stored["address"] == "127.0.0.1"
            stored["seen"] = "2026-01-01T00:00:00.000Z"
            db.execute("UPDATE document SET body = ? WHERE id = ?", (json.dumps(stored), identifier))
    expect_problem(session.get("/v1/session"), 401, "unauthenticated")


# ---- how often ----

def test_wrong_passwords_are_slowed():
    make_user("slow", "viewer")
    statuses = [post("/v1/session", {"name": "slow", "password": f"wrong {i}"}, token=None) for i in range(12)]
    assert [a.status for a in statuses[:10]] == [401] * 10, statuses
    problem = expect_problem(statuses[11], 429, "rate-limit", words="try again in")
    wait = int(statuses[11].headers["Retry-After"])
    assert 1 <= wait <= 10 and problem, statuses[11].headers
    expect_problem(post("/v1/session", {"name": "slow", "password": PASSWORD}, token=None), 429, "rate-limit")
    assert post("/v1/session", {"name": "the-viewer", "password": PASSWORD}, token=None).status == 201  # others may
    appliance.restart()  # the tries are forgotten: what follows signs in from this address as well
    call("DELETE", "/v1/users/slow")


def test_hashing_passwords_does_not_hold_up_others():
    stop = threading.Event()

    def work():
        while not stop.is_set():
            with contextlib.suppress(OSError):
                Session("the-operator").call("DELETE", "/v1/session")

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    try:
        slowest = 0
        for _ in range(20):
            begin = time.monotonic()
            assert get("/v1/version").status == 200
            slowest = max(slowest, time.monotonic() - begin)
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    assert slowest < 5, slowest


# ---- roles, on every operation ----

def operations():
    document = get("/v1/openapi.json").json
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_every_operation_asks_for_its_role():
    order = ["viewer", "operator", "admin"]
    sessions = {role: Session(f"the-{role}") for role in order}
    own = {"session.show", "session.delete", "session.password"}
    refused = seen = 0
    for method, path, operation in operations():
        if operation.get("security") == []:
            continue
        needed = operation["x-ingot-role"]
        concrete = re.sub(r"\{[a-z]+\}", str(uuid.uuid4()), path)
        unsafe = method not in ("GET", "HEAD") or "101" in operation["responses"]
        assert not unsafe or needed != "viewer" or operation["operationId"] in own, operation["operationId"]
        for role in order[:order.index(needed)]:
            answer = sessions[role].call(method, concrete)
            expect_problem(answer, 403, "forbidden", words=f"this needs the role {needed}; user 'the-{role}' has the role")
            refused += 1
        answer = call(method, concrete, token=None)
        expect_problem(answer, 401, "unauthenticated")
        seen += 1
    assert seen >= 40 and refused >= 30, (seen, refused)


# ---- users ----

def test_users_are_made_changed_and_deleted():
    user = make_user("kim", "operator")
    assert user["role"] == "operator" and user["disabled"] is False and user["created_at"], user
    shown = json.dumps([user, get("/v1/users/kim").json, get("/v1/users").json])
    assert "password\"" not in shown and "hash" not in shown and "$y$" not in shown, shown
    session = Session("kim")
    answer = call("PATCH", "/v1/users/kim", {"role": "viewer"})
    assert answer.status == 200 and answer.json["role"] == "viewer" and answer.headers["ETag"], answer
    expect_problem(session.call("POST", "/v1/vms", {}), 403, "forbidden")
    expect_problem(call("PATCH", "/v1/users/kim", {"role": "admin"}, headers={"If-Match": '"1"'}), 412, "revision")
    assert call("PATCH", "/v1/users/kim", {"password": "another horse"}).status == 200
    expect_problem(session.get("/v1/session"), 401, "unauthenticated")
    session = Session("kim", "another horse")
    assert call("PATCH", "/v1/users/kim", {"disabled": True}).json["disabled"] is True
    expect_problem(session.get("/v1/session"), 401, "unauthenticated")
    expect_problem(post("/v1/session", {"name": "kim", "password": "another horse"}, token=None), 401, "unauthenticated",
                   words="the name or the password is wrong")
    answer = call("DELETE", "/v1/users/kim")
    assert answer.status == 204 and answer.data == b""
    expect_problem(get("/v1/users/kim"), 404, "not-found")


def test_users_that_cannot_be_are_refused():
    for body, field in (({"name": "x"}, "password"), ({"name": "x", "password": "short"}, "password"),
                        ({"name": "X y", "password": PASSWORD}, "name"),
                        ({"name": "x", "password": PASSWORD, "role": "king"}, "role"),
                        ({"name": "x", "password": PASSWORD, "password_hash": "$y$"}, "password_hash"),
                        ({"name": "eight-ch", "password": "eight-ch"}, "password"),
                        ({"name": "x", "password": "p" * 257}, "password")):
        expect_problem(post("/v1/users", body), 400, "invalid", field)
    expect_problem(post("/v1/users", {"name": "the-admin", "password": PASSWORD}), 409, "exists", "name")
    for body, field in (({"name": "other"}, "name"), ({"created_at": None}, "created_at"), ({"password": None}, "password"),
                        ({"disabled": "yes"}, "disabled")):
        expect_problem(call("PATCH", "/v1/users/the-viewer", body), 400, "invalid", field)
    assert [u["name"] for u in get("/v1/users?sort=name").json["items"]] == ["admin", "the-admin", "the-operator", "the-viewer"]


def test_there_is_always_an_administrator():
    assert call("PATCH", "/v1/users/the-admin", {"role": "operator"}).status == 200
    for body, field in (({"role": "viewer"}, "role"), ({"disabled": True}, "disabled")):
        expect_problem(call("PATCH", "/v1/users/admin", body), 409, "state", field, "last administrator")
    expect_problem(call("DELETE", "/v1/users/admin"), 409, "state", words="last administrator")
    assert call("PATCH", "/v1/users/the-admin", {"role": "admin"}).status == 200


def test_a_user_is_made_once_by_a_key():
    key = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"name": "once", "password": PASSWORD}
    made, again = post("/v1/users", body, headers=key), post("/v1/users", body, headers=key)
    assert made.status == again.status == 201 and made.json == again.json, again
    call("DELETE", "/v1/users/once")


# ---- tokens ----

def test_a_token_is_at_most_its_maker():
    session = Session("the-operator")
    expect_problem(session.call("POST", "/v1/tokens", {"name": "t", "role": "admin"}), 403, "forbidden", "role")
    made = session.call("POST", "/v1/tokens", {"name": "ci", "role": "operator", "expires_at": "2999-01-01T00:00:00Z"})
    assert made.status == 201 and made.json["user_name"] == "the-operator", made
    text = made.json["token"]
    assert text.startswith("ingot_") and made.headers["Cache-Control"] == "no-store"
    assert get("/v1/machines", token=text).status == 200
    shown = session.get("/v1/tokens/ci").json
    assert shown["token"] is None and shown["last_used_at"] and shown["expires_at"] == "2999-01-01T00:00:00.000Z", shown
    assert [t["name"] for t in session.get("/v1/tokens").json["items"]] == ["ci"]  # one's own
    assert session.get("/v1/tokens").json["total"] == 1
    assert {"admin", "ci"} <= {t["name"] for t in get("/v1/tokens").json["items"]}
    expect_problem(session.get("/v1/tokens/admin"), 404, "not-found")
    expect_problem(session.call("DELETE", "/v1/tokens/admin"), 404, "not-found")
    expect_problem(session.call("POST", "/v1/tokens", {"name": "past", "expires_at": "2001-01-01T00:00:00Z"}), 400, "invalid",
                   "expires_at")
    call("PATCH", "/v1/users/the-operator", {"disabled": True})
    expect_problem(get("/v1/machines", token=text), 401, "unauthenticated")
    call("PATCH", "/v1/users/the-operator", {"disabled": False})
    assert get("/v1/machines", token=text).status == 200
    assert call("DELETE", "/v1/tokens/ci").status == 204
    expect_problem(get("/v1/machines", token=text), 401, "unauthenticated")


def test_a_tokens_text_is_said_once():
    key = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"name": "said-once", "role": "viewer"}
    made, again = post("/v1/tokens", body, headers=key), post("/v1/tokens", body, headers=key)
    assert made.status == again.status == 201 and made.json["id"] == again.json["id"]
    assert made.json["token"] and again.json["token"] is None
    call("DELETE", "/v1/tokens/said-once")


# ---- audit ----

def test_the_audit_list_says_who_did_what_and_no_secret():
    session = Session("the-operator")
    post("/v1/session", {"name": PASSWORD + "-typed-as-name", "password": "x"}, token=None)
    post("/v1/session", {"name": "the-viewer", "password": "a wrong password"}, token=None)
    make_user("audited", "viewer")
    call("PATCH", "/v1/users/audited", {"password": "secret-of-audited"})
    Session("the-viewer").call("DELETE", "/v1/users/audited")
    call("DELETE", "/v1/users/audited")
    session.call("DELETE", "/v1/vms/%3Cscript%3Ealert(1)")
    token = post("/v1/tokens", {"name": "noted", "role": "viewer"}).json["token"]
    session.call("DELETE", "/v1/session")
    rows = [(e["who"], e["via"], e["operation"], e["object"], e["status"], e["code"]) for e in audit()]
    expected = [
        ("the-operator", "session", "session.delete", None, 204, None),
        ("admin", "token", "token.create", "noted", 201, None),
        ("the-operator", "session", "vm.delete", "<script>alert(1)", 404, "not-found"),
        ("admin", "token", "user.delete", "audited", 204, None),
        ("the-viewer", "session", "user.delete", "audited", 403, "forbidden"),
        ("the-viewer", "session", "session.create", None, 201, None),
        ("admin", "token", "user.update", "audited", 200, None),
        ("admin", "token", "user.create", "audited", 201, None),
        ("the-viewer", "nothing", "session.create", None, 401, "unauthenticated"),
        (None, "nothing", "session.create", None, 401, "unauthenticated"),
        ("the-operator", "session", "session.create", None, 201, None),
    ]
    assert rows[:len(expected)] == expected, rows[:len(expected)]
    text = json.dumps(audit())
    for secret in (PASSWORD, "a wrong password", "secret-of-audited", token, session.cookie, session.csrf, appliance.token()):
        assert secret not in text, secret
    assert {e["address"] for e in audit()} == {"127.0.0.1"}
    assert [e["operation"] for e in audit("&who=the-operator&code=not-found&q=script")] == ["vm.delete"]
    events = json.dumps(appliance.events_after(0))
    for secret in (PASSWORD, "secret-of-audited", token):
        assert secret not in events and secret not in appliance.process.text
    call("DELETE", "/v1/tokens/noted")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert call(method, "/v1/audit").status == 405
        assert call(method, f"/v1/audit/{audit()[0]['id']}").status == 404


def test_nothing_that_is_stored_is_a_secret():
    session = Session("the-viewer")
    with appliance.stopped() as db:
        text = json.dumps(db.execute("SELECT body FROM document").fetchall() + db.execute("SELECT body FROM event").fetchall())
    for secret in (PASSWORD, session.cookie, session.csrf, appliance.token()):
        assert secret not in text


# ---- the command line ----

def test_users_and_tokens_by_the_command_line():
    ingot = appliance.ingot
    path = os.path.join(appliance.folder, "password")
    with open(path, "w", encoding="utf-8") as f:
        f.write("correct horse\nnot this line\n")
    assert "no terminal" in ingot("user", "create", "lee", check=2).stderr
    made = ingot("user", "create", "lee", "--role", "operator", "--password-file", path, check=0)
    assert PASSWORD not in made.stdout and "operator" in made.stdout, made.stdout
    session = Session("lee")
    assert "already" in ingot("user", "create", "lee", "--password-file", path, check=4).stderr
    result = ingot("token", "create", "lees", "--role", "operator", "-o", "json", check=0)
    text = json.loads(result.stdout)["token"]
    assert ingot("machine", "list", token=text, check=0).stderr == ""
    assert ingot("user", "list", token=text, check=8).stdout == ""
    listed = ingot("token", "list", "--search", "lees", check=0).stdout
    assert text not in listed and "lees" in listed and "admin" not in listed.splitlines()[1].split()[0], listed
    ingot("token", "delete", "lees", check=0)
    ingot("machine", "list", token=text, check=7)
    assert "missing" in ingot("user", "update", "lee", check=2).stderr
    ingot("user", "update", "lee", "--role", "viewer", "--disabled", "true", check=0)
    expect_problem(session.get("/v1/session"), 401, "unauthenticated")
    rows = json.loads(ingot("user", "list", "--filter", "disabled=true", "-o", "json", check=0).stdout)
    assert [u["name"] for u in rows["items"]] == ["lee"] and rows["total"] == 1
    assert "what it knows" in ingot("user", "list", "--filter", "colour=red", check=2).stderr
    names = [u["name"] for u in json.loads(ingot("user", "list", "--sort", "-name", "-o", "json", check=0).stdout)["items"]]
    assert names == sorted(names, reverse=True) and "lee" in names
    done = ingot("user", "delete", "lee", check=0)
    assert (done.stdout, done.stderr) == ("", ""), done
    assert "last administrator" in ingot("user", "delete", "the-admin", "admin", check=5).stderr
    make_user("the-admin", "admin")
    listed = ingot("audit", "list", "--filter", "operation=user.delete", "--filter", "object=lee", check=0).stdout
    assert len(listed.splitlines()) == 2 and "204" in listed, listed


def typed(lines):
    """What the command line says to somebody who types a new user's password, and how it ends."""
    process, terminal = pty.fork()
    if process == 0:
        with appliance.network.inside(appliance.home):
            os.environ.update(INGOT_URL=f"https://127.0.0.1:{API_PORT}", INGOT_CACERT=appliance.ca(),
                              INGOT_TOKEN=appliance.token())
            os.execv(ns.built("ingot"), ["ingot", "user", "create", "typist"])
    said = ""
    for question, line in zip(("Password: ", "Once more: "), lines):
        while question not in said:
            said += os.read(terminal, 4096).decode()
        os.write(terminal, line.encode())
    with contextlib.suppress(OSError):  # EIO: it has ended
        while data := os.read(terminal, 4096):
            said += data.decode()
    os.close(terminal)
    return said, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def test_a_password_is_typed_unseen():
    for lines, code, words in (((PASSWORD + "\n", "another\n"), 2, "not the same"), (("corr\x03",), 2, "no password"),
                               ((PASSWORD + "\n", PASSWORD + "\n"), 0, "typist")):
        said, status = typed(lines)
        assert status == code and words in said and "corr" not in said, (said, status)
    Session("typist")
    call("DELETE", "/v1/users/typist")


# ---- lists ----

def test_lists_are_sorted_searched_and_paged_at_ten_thousand():
    with appliance.stopped() as db:
        machines = [{"id": str(uuid.uuid4()), "name": f"rack{i % 7}-{i}", "state": "ready" if i % 4 else "failed",
                     "serial": f"SN{i:05}", "macs": [f"52:54:00:00:{i >> 8:02x}:{i & 255:02x}"]} for i in range(10000)]
        db.executemany("INSERT INTO document VALUES ('machine', ?, 1, ?)", [(m["id"], json.dumps(m)) for m in machines])
    begin = time.monotonic()
    page = get("/v1/machines?sort=-name&limit=50&state=ready&q=rack3").json
    took = time.monotonic() - begin
    wanted = sorted((i for i in range(10000) if i % 7 == 3 and i % 4), reverse=True)
    assert page["total"] == len(wanted)
    assert [m["name"] for m in page["items"]] == [f"rack3-{i}" for i in wanted[:50]]
    names, cursor = [m["name"] for m in page["items"]], page["next"]
    while cursor:
        page = get(f"/v1/machines?sort=-name&limit=1000&state=ready&q=rack3&cursor={cursor}").json
        names += [m["name"] for m in page["items"]]
        cursor = page["next"]
    assert names == [f"rack3-{i}" for i in wanted]
    assert took < 2, took
    print(f"       a page of 10,000 machines: {took * 1000:.0f} ms")
    assert [m["name"] for m in get("/v1/machines?serial=SN00042").json["items"]] == ["rack0-42"]
    assert [m["name"] for m in get("/v1/machines?macs=52:54:00:00:00:2a").json["items"]] == ["rack0-42"]
    assert get("/v1/machines?state=ready,failed").json["total"] == 10000
    assert get("/v1/machines?q=SN0999").json["total"] == 10
    cursor = get("/v1/machines?sort=name&limit=1").json["next"]
    expect_problem(get(f"/v1/machines?sort=serial&cursor={cursor}"), 400, "invalid", "cursor", "another order")
    for query, field in (("colour=red", "colour"), ("bmc_password=x", "bmc_password"), ("sort=inventory", "sort"),
                         ("sort=bmc_password", "sort"), ("created=x", "created"), ("state=ready&state=new", "state"),
                         ("after=x", "after")):
        problem = expect_problem(get(f"/v1/machines?{query}"), 400, "invalid", field)
        assert field == "state" or "serial" in problem["detail"], problem
        assert "password" not in problem["detail"].replace("bmc_password: this", ""), problem


def test_events_are_asked_for_page_by_page_and_by_resource():
    everything = appliance.events_after(0)
    assert len(everything) > 20
    found, before = [], ""
    while True:
        page = get(f"/v1/events?limit=7{before}").json
        found = page["items"] + found
        if not page["previous"]:
            break
        assert page["next"] is None and len(page["items"]) == 7
        before = f"&before={page['previous']}"
    assert found == everything
    made = [e for e in everything if e["kind"] == "user.created"]
    assert get("/v1/events?kind=user.created&limit=1000").json["items"] == made
    one = made[0]["resource_id"]
    wanted = [e for e in everything if e["resource_id"] == one]
    assert get(f"/v1/events?resource_id={one}").json["items"] == wanted
    assert get(f"/v1/events?resource_id={one}&kind=user.created").json["items"] == [made[0]]
    for query, field in (("limit=0", "limit"), ("limit=1001", "limit"), ("before=x", "before"), ("before=0", "before"),
                         ("after=1&before=2", "before"), ("colour=red", "colour")):
        expect_problem(get(f"/v1/events?{query}"), 400, "invalid", field)
    expect_problem(get("/v1/events?kind=x", headers={"Accept": "text/event-stream"}), 400, "invalid", "kind")


prepare()
ns.main([value for name, value in list(globals().items()) if name.startswith("test_")], None)
