"""Drives a BIG-IP with bigrest, an iControl REST client that others wrote.

usage: foreign-client.py make|remove DEVICE CA FOLDER    (the password in DEVICE_PASSWORD)

Prints what it saw as one line of JSON; what it made is for the caller to look at by other means.
"""

import json
import os
import sys

from bigrest.bigip import BIGIP
from bigrest.common.exceptions import RESTAPIError

mode, address, ca, folder = sys.argv[1:]
partition = "foreign"
uploads = "/mgmt/shared/file-transfer/uploads"
downloads = "/var/config/rest/downloads"

device = BIGIP(
    address,
    "operator",
    os.environ["DEVICE_PASSWORD"],
    request_token=True,
    session_verify=ca,
)


def collection(kind):
    return f"/mgmt/tm/{kind}"


def item(kind, name):
    return f"/mgmt/tm/{kind}/~{partition}~{name}"


def refusal(attempt):
    """The status that the device refuses something with."""
    try:
        attempt()
    except RESTAPIError as error:
        return int(str(error).split("Status:\n")[1].split("\n")[0])
    return 200


def chain(pair):
    return [
        {
            "name": "mesh",
            "cert": f"/{partition}/{pair}.crt",
            "key": f"/{partition}/{pair}.key",
        }
    ]


# What is made, those that are referred to first.
objects = [
    ("sys/file/ssl-cert", "one.crt", {"sourcePath": f"file:{downloads}/one.crt"}),
    ("sys/file/ssl-key", "one.key", {"sourcePath": f"file:{downloads}/one.key"}),
    ("ltm/profile/client-ssl", "served", {"defaultsFrom": "/Common/clientssl", "certKeyChain": chain("one")}),
    ("ltm/data-group/internal", "callers", {"type": "string", "records": [{"name": "a", "data": "1"}]}),
    ("ltm/rule", "first", {"apiAnonymous": "when CLIENT_ACCEPTED { }"}),
    ("ltm/monitor/tcp", "alive", {"interval": 7, "timeout": 22}),
    ("ltm/node", "10.0.0.1", {"address": "10.0.0.1"}),
    (
        "ltm/pool",
        "targets",
        {
            "monitor": f"/{partition}/alive",
            "members": [{"name": "10.0.0.1:80", "address": "10.0.0.1"}],
        },
    ),
    (
        "ltm/virtual",
        "facing",
        {
            "destination": f"/{partition}/192.0.2.1:9000",
            "mask": "255.255.255.255",
            "ipProtocol": "tcp",
            "pool": f"/{partition}/targets",
            "profiles": [
                {"name": "/Common/tcp", "context": "all"},
                {"name": f"/{partition}/served", "context": "clientside"},
            ],
            "rules": [f"/{partition}/first"],
        },
    ),
]


def make():
    seen = {"made": {}, "listed": {}, "saved": {}, "modified": {}}
    device.create("/mgmt/tm/auth/partition", {"name": partition})
    for pair in ("one", "two"):
        for half in ("crt", "key"):
            device.upload(uploads, f"{folder}/{pair}.{half}")
    for kind, name, members in objects:
        body = {"name": name, "partition": partition, **members}
        seen["made"][kind] = device.create(collection(kind), body).properties["fullPath"]
        listed = device.load(f"{collection(kind)}?$filter=partition+eq+{partition}")
        seen["listed"][kind] = [entry.properties["name"] for entry in listed]
        # The whole object goes back as it came, but for the rule, which has no description.
        if kind != "ltm/rule":
            loaded = device.load(item(kind, name))
            loaded.properties["description"] = "saved"
            if kind == "ltm/virtual":
                # bigrest would write the opposite of what it read.
                loaded.properties.pop("enabled")
            if kind == "ltm/node":
                # What a monitor found is not for the client to write.
                loaded.properties.pop("state")
                loaded.properties.pop("session")
            if kind == "ltm/profile/client-ssl":
                # Devices give these beside certKeyChain, and refuse them there (01b4002a).
                for mirrored in ("cert", "key", "chain"):
                    loaded.properties.pop(mirrored, None)
            seen["saved"][kind] = device.save(loaded).properties["description"]
            change = {"description": "modified"}
            seen["modified"][kind] = device.modify(item(kind, name), change).properties["description"]

    with device:
        device.create(
            collection("sys/file/ssl-cert"),
            {"name": "two.crt", "partition": partition, "sourcePath": f"file:{downloads}/two.crt"},
        )
        device.create(
            collection("sys/file/ssl-key"),
            {"name": "two.key", "partition": partition, "sourcePath": f"file:{downloads}/two.key"},
        )
        device.modify(item("ltm/profile/client-ssl", "served"), {"certKeyChain": chain("two")})

    def part_the_pair():
        with device:
            device.create(collection("ltm/rule"), {"name": "never", "partition": partition, "apiAnonymous": ""})
            parted = [{**chain("two")[0], "key": f"/{partition}/one.key"}]
            device.modify(item("ltm/profile/client-ssl", "served"), {"certKeyChain": parted})

    seen["refused"] = {
        "parted": refusal(part_the_pair),
        "twice": refusal(lambda: device.create(collection("ltm/rule"), {"name": "first", "partition": partition})),
        "absent": refusal(lambda: device.load(item("ltm/pool", "absent"))),
        "used": refusal(lambda: device.delete(item("sys/file/ssl-cert", "two.crt"))),
    }
    seen["exists"] = [device.exist(item("ltm/rule", name)) for name in ("first", "never")]

    with open(f"{folder}/large", "wb") as large:
        large.write(b"x" * 2_500_000)
    device.upload(uploads, f"{folder}/large")
    names = "large one.crt one.key two.crt two.key".split()
    paths = " ".join(f"{downloads}/{name}" for name in names)
    listing = {"command": "run", "utilCmdArgs": downloads}
    seen["uploaded"] = device.command("/mgmt/tm/util/unix-ls", listing).split()
    device.command("/mgmt/tm/util/unix-rm", {"command": "run", "utilCmdArgs": paths})
    seen["left"] = device.command("/mgmt/tm/util/unix-ls", listing).split()

    task = device.task_start("/mgmt/tm/task/sys/config", {"command": "save"})
    device.task_wait(task, interval=0)
    statistics = device.show(item("ltm/virtual", "facing")).properties
    seen["statistics"] = statistics["status.enabledState"]["description"]
    return seen


def remove():
    for kind, name, _ in reversed(objects):
        device.delete(item(kind, name))
    for kind, name in (("sys/file/ssl-cert", "two.crt"), ("sys/file/ssl-key", "two.key")):
        device.delete(item(kind, name))
    device.delete(f"/mgmt/tm/auth/partition/{partition}")
    return {"partition": device.exist(f"/mgmt/tm/auth/partition/{partition}")}


print(json.dumps(make() if mode == "make" else remove()))
