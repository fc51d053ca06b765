"""One number of threads for all who compute."""

import threading

import torch

from misen.app.computing import fixed


def test_who_computes_already_goes_on_with_the_number_that_holds():
    seen = []

    def nested() -> None:
        with fixed(2), fixed(1):
            seen.append(torch.get_num_threads())

    thread = threading.Thread(target=nested, daemon=True)
    thread.start()
    thread.join(timeout=30)
    assert seen == [2]


def test_the_last_to_leave_restores_what_was_found():
    before = torch.get_num_threads()
    with fixed(before + 1), fixed(1):
        pass
    assert torch.get_num_threads() == before


def test_who_wants_another_number_waits():
    entered, leave, order = threading.Event(), threading.Event(), []

    def first() -> None:
        with fixed(2):
            entered.set()
            leave.wait(30)
            order.append("first")

    def second() -> None:
        with fixed(1):
            order.append("second")

    threads = [threading.Thread(target=work, daemon=True) for work in (first, second)]
    threads[0].start()
    assert entered.wait(30)
    threads[1].start()
    leave.set()
    for thread in threads:
        thread.join(timeout=30)
    assert order == ["first", "second"]
