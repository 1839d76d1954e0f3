"""The kernel's side of the editor: found among its comms, and answering while a cell runs."""

from __future__ import annotations

from taskinity_nb.magics.editor import TARGET


def found(client):
    """Return the comms that the browser would find."""
    client.comm_info(TARGET)
    return list(client.get_shell_msg(timeout=60)["content"]["comms"])


def test_it_answers_while_a_cell_blocks(kept_kernel):
    kernel = kept_kernel.as_new()
    client = kernel.client
    kernel.run("import threading\ngo = threading.Event()\ndef load(path='x'):\n    'Read.'")
    [comm] = found(client)
    session = client.session
    client.control_channel.send(session.msg("create_subshell_request"))
    subshell = client.get_control_msg(timeout=60)["content"]["subshell_id"]

    def ask(data):
        message = session.msg("comm_msg", {"comm_id": comm, "data": data})
        message["header"]["subshell_id"] = subshell
        client.shell_channel.send(message)
        while True:
            told = client.get_iopub_msg(timeout=60)
            assert told["parent_header"].get("msg_id") != held or told["msg_type"] != "error"
            if told["msg_type"] == "comm_msg" and told["content"]["comm_id"] == comm:
                return told["content"]["data"]

    held = kernel.send("go.wait(60)")
    told = ask({"client": "a", "number": 1, "cell": "%%flow\nlaod -> save"})
    assert (told["client"], told["number"]) == ("a", 1)
    faults = [(each["name"], each["is_error"], each["span"]) for each in told["answer"]]
    assert faults == [("laod", True, [2, 1, 4]), ("save", False, [2, 9, 4])]
    assert ask({"name": "load"})["answer"] == ["load(path='x')", "Read."]
    assert ask({"name": ["no text"], "cell": 7})["answer"] is None
    message = session.msg("execute_request", {"code": "go.set()", "silent": True})
    message["header"]["subshell_id"] = subshell
    client.shell_channel.send(message)
    while client.get_shell_msg(timeout=60)["parent_header"].get("msg_id") != held:
        pass
    # Only while the package's magics are there.
    kernel.run("%unload_ext taskinity_nb")
    assert found(client) == []
    kernel.run("%load_ext taskinity_nb")
    assert len(found(client)) == 1
