"""What goes wrong in a training, in words that say what to do."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline import manifest
from pipeline.errors import BoxwrightError


@contextlib.contextmanager
def explained(record: Path, arguments: Mapping[str, Any]) -> Iterator[None]:
    """Turn whatever a training raises into a BoxwrightError; its traceback goes into `record`."""
    try:
        yield
    except BoxwrightError:
        raise
    except Exception as error:  # ultralytics, torch, OpenCV and the driver each have their own
        with contextlib.suppress(OSError), record.open("a", encoding="utf-8") as file:
            file.write(traceback.format_exc())
        raise _clear(error, record, arguments) from error


def _clear(error: Exception, record: Path, arguments: Mapping[str, Any]) -> BoxwrightError:
    text = " ".join(str(error).split())
    if "out of memory" in text.lower():
        return BoxwrightError(
            f"the memory is too small for batches of {arguments['batch']} pictures"
            f" of {arguments['imgsz']} pixels."
            f"\n    -> a smaller --batch or --imgsz, or a smaller model, then --resume or --force."
        )
    if isinstance(error, OSError) and error.errno is not None:
        return manifest.cannot_write(Path(error.filename or record.parent), error)
    if "DataLoader worker" in text or "shared memory" in text:
        return BoxwrightError(
            f"a process that loads pictures was stopped: {text}"
            "\n    -> `--workers 0` loads them in this process (the memory or /dev/shm is small)."
        )
    if "Image Not Found" in text:
        return BoxwrightError(
            f"a picture cannot be decoded any more: {text.rpartition('Not Found ')[2]}"
            "\n    -> run `boxwright convert` again, which checks every picture."
        )
    return BoxwrightError(
        f"the training stopped: {type(error).__name__}: {text}"
        f"\n    -> the whole story is in {record}; --resume goes on from the last epoch."
    )
