"""What one worker leaves for those after it."""

import multiprocessing

from app.auth.shared_document import DOCUMENT_MAX_BYTES, SharedDocument

URL = "https://cognito.example/jwks.json"


def test_there_is_none_at_first() -> None:
    assert SharedDocument().get(URL) is None


def test_another_process_reads_what_was_put() -> None:
    shared = SharedDocument()
    writer = multiprocessing.get_context("fork").Process(target=shared.put, args=(URL, b"keys"))
    writer.start()
    writer.join(10)
    assert shared.get(URL) == b"keys"


def test_the_last_one_put_counts() -> None:
    shared = SharedDocument()
    for body in (b"x" * DOCUMENT_MAX_BYTES, b"short"):
        shared.put(URL, body)
        assert shared.get(URL) == body


def test_it_is_not_given_for_another_url() -> None:
    shared = SharedDocument()
    shared.put(URL, b"keys")
    assert shared.get(URL + "?other") is None


def test_one_that_was_put_in_half_is_none() -> None:
    shared = SharedDocument()
    shared.put(URL, b"keys")
    shared._memory[36:37] = b"?"
    assert shared.get(URL) is None
