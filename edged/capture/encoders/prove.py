"""`python -m edged.capture.encoders.prove`: proves one encoder, and may hang or crash instead of a worker.

stdin: one ProofRequest as a line of JSON, or the word `facts`. stdout: a line "ready" once all is loaded,
from when on the time counts, then a line of JSON: the Proof, or the Facts. It has a low priority and little
memory, and ends with its parent. Whoever starts it kills it, with all that it has started, when it takes too
long.
"""

import os
import sys
import time

import av.logging
import msgspec

from edged.capture.encoders.bounds import end_after, end_with_parent, keep_small
from edged.capture.encoders.facts import find_facts
from edged.capture.encoders.proof import Proof, ProofRequest, judge
from edged.capture.encoders.trial import try_encoder
from edged.capture.faults import EncoderError

MOST_WORDS = 300
# Seconds after which it is of no use to anybody, before and after it has begun; its parent is stricter.
LOADING, TRYING = 90, 30


def prove(request: ProofRequest) -> Proof:
    """Try the encoder and judge it; whatever goes wrong is a reason to refuse it."""
    start = time.monotonic()
    # Our own words name the encoder; libav's say what really was the matter.
    av.logging.set_level(av.logging.ERROR)
    with av.logging.Capture(False) as said:
        try:
            return judge(request, try_encoder(request), seconds=time.monotonic() - start)
        except EncoderError as error:
            fault = str(error)
        except MemoryError:
            fault = "the trial broke: it takes too much memory"
        except (av.FFmpegError, ValueError, OSError) as error:
            fault = f"the trial broke: {error}"
        told = dict.fromkeys(" ".join(words.split()) for _level, _name, words in said)
    reason = f"{fault} ({'; '.join(told)})" if told else fault
    return Proof(
        encoder=request.encoder,
        taken=False,
        reason=reason if len(reason) <= MOST_WORDS else reason[:MOST_WORDS] + "…",
        seconds=max(0.01, round(time.monotonic() - start, 2)),
        # libav gives another number for EBUSY, and the right one in its words only.
        passing="busy" if "busy" in reason.lower() else "",
    )


def main() -> None:
    """Serve one request and end, threads that hang in a driver and all."""
    end_with_parent()
    end_after(LOADING)
    keep_small()
    line = sys.stdin.readline()
    end_after(TRYING)
    print("ready", flush=True)
    if line.strip() == "facts":
        answer: msgspec.Struct = find_facts()
    else:
        answer = prove(msgspec.json.decode(line, type=ProofRequest))
    print(msgspec.json.encode(answer).decode(), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
