"""An agent that looks freely, and asks before it changes something. Its token is in KEYTURN_TOKEN."""

import os
import sys

import soc_tools

from keyturn import Client, Held, NotDone

client = Client(os.environ.get("KEYTURN_URL", "http://127.0.0.1:8787"), os.environ["KEYTURN_TOKEN"])

# The functions' names, arguments and types are those of the plain functions; the bodies run behind the gate.
host_status = client.gated("soc/host_status")(soc_tools.host_status)
isolate_host = client.gated("soc/isolate_host")(soc_tools.isolate_host)

if __name__ == "__main__":
    host = sys.argv[1]
    print("before:", host_status(host))
    try:
        print("done:", isolate_host.because("it beacons every 60 s to a known C2", evidence=["alert:17"])(host))
    except Held as held:
        print(f"waiting for a person's key on {held.id} (keyturn turn {held.id})", flush=True)
        try:
            print("done:", held.wait())
        except NotDone as ended:
            print(ended)
    print("after:", host_status(host))
