"""SIGTERM, as a container is stopped: who is inside is answered, and then the server ends."""

import re
import signal
import subprocess
import sys
import threading

import httpx

from tests.serving.serving import picture, upload

PROGRAM = """
import time
import agelens.serving.server as server
from tests.serving.serving import ColourPredictor

class Slow(ColourPredictor):
    def predict(self, images, crops=False):
        # The server tries its predictor before it listens.
        self.batches.append(len(images))
        if len(self.batches) == 1:
            return ()
        print("estimating", flush=True)
        time.sleep(1)
        return super().predict(images, crops)

server.load = lambda *_: Slow()
server.serve(port=0)
"""


def test_who_is_inside_is_answered_before_the_server_ends() -> None:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    answers: list[httpx.Response] = []
    try:
        assert process.stdout is not None
        address = re.search(r"http://\S+/", process.stdout.readline())
        assert address
        images = upload(("a.png", picture((1, 2, 3))))
        asking = threading.Thread(
            target=lambda: answers.append(
                httpx.post(f"{address[0]}api/predict", files=images, timeout=20, trust_env=False)
            )
        )
        asking.start()
        assert process.stdout.readline() == "estimating\n"
        process.send_signal(signal.SIGTERM)
        asking.join()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()
    assert answers[0].status_code == 200
