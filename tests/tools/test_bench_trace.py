"""The judge of durability, on traces as strace writes them."""

from collections.abc import Sequence

from tools.bench import trace

LOG = "/spool/spool.db-wal"
CLIENT = "TCP:[127.0.0.1:2525->127.0.0.1:40000]"
OTHER_CLIENT = "TCP:[127.0.0.1:2525->127.0.0.1:40001]"
FRAME_IN_BETWEEN = r"\0\0\0\7\0\0\0\0" + r"\1" * 16
LAST_FRAME = r"\0\0\0\10\0\0\0\31" + r"\1" * 16


def mail(token: int, client: str = CLIENT) -> str:
    return f'10 read(21<{client}>, "MAIL FROM:<{trace.sender(token)}>\\r\\n", 65536) = 50'


def frame(header: str, page: str) -> list[str]:
    return [
        f'11 pwrite64(9<{LOG}>, "{header}", 24, 32) = 24',
        f'11 pwrite64(9<{LOG}>, "{page}", 4096, 56) = 4096',
    ]


def commit(token: int) -> list[str]:
    first = frame(FRAME_IN_BETWEEN, rf"\0{trace.mark(token).decode()!r}"[:-1].replace("'", ""))
    return [*first, *frame(LAST_FRAME, rf"\15{trace.sender(token)}\0smtpd")]


def sync(path: str = LOG, result: str = "0") -> str:
    return f"12 fdatasync(14<{path}>) = {result}"


def sync_begins() -> str:
    return f"12 fdatasync(14<{LOG}> <unfinished ...>"


def sync_returns() -> str:
    return "12 <... fdatasync resumed>) = 0"


def promise(client: str = CLIENT) -> str:
    return f'10 write(21<{client}>, "250 2.0.0 Ok: queued as 1A2B\\r\\n", 40) = 40'


def judged(lines: Sequence[str]) -> trace.Verdict:
    return trace.judge(line + "\n" for line in lines)


def test_a_promise_after_a_sync_of_its_commit_is_kept() -> None:
    verdict = judged([mail(7), *commit(7), sync(), promise()])
    assert (verdict.kept, verdict.broken, verdict.syncs) == ([7], [], 1)


def test_a_sync_by_any_thread_counts_and_may_take_its_time() -> None:
    verdict = judged(
        [mail(7), *commit(7), sync_begins(), mail(8, OTHER_CLIENT), sync_returns(), promise()]
    )
    assert (verdict.kept, verdict.broken) == ([7], [])


def test_a_promise_without_a_sync_is_broken() -> None:
    verdict = judged([mail(7), *commit(7), promise()])
    assert verdict.kept == []
    assert "message 7: 250 before a sync" in verdict.broken[0]


def test_a_promise_before_the_sync_has_returned_is_broken() -> None:
    verdict = judged([mail(7), *commit(7), sync_begins(), promise(), sync_returns()])
    assert verdict.kept == []
    assert len(verdict.broken) == 1


def test_a_promise_that_begins_before_the_sync_has_returned_is_broken() -> None:
    begins, ends = (
        promise().split(", 40) = 40")[0] + ", 40 <unfinished ...>",
        "10 <... write resumed>) = 40",
    )
    verdict = judged([mail(7), *commit(7), sync_begins(), begins, sync_returns(), ends])
    assert verdict.kept == []
    assert len(verdict.broken) == 1


def test_a_sync_that_began_before_the_commit_was_written_covers_nothing() -> None:
    verdict = judged([mail(7), sync_begins(), *commit(7), sync_returns(), promise()])
    assert len(verdict.broken) == 1


def test_a_sync_that_failed_covers_nothing() -> None:
    verdict = judged([mail(7), *commit(7), sync(result="-1 EIO (Input/output error)"), promise()])
    assert len(verdict.broken) == 1


def test_a_sync_of_another_file_covers_nothing() -> None:
    verdict = judged([mail(7), *commit(7), sync("/spool/maillog"), promise()])
    assert len(verdict.broken) == 1


def test_pages_of_a_transaction_that_is_not_yet_committed_are_no_commit() -> None:
    verdict = judged([mail(7), *commit(7)[:-2], sync(), promise()])
    assert "before its commit was written" in verdict.broken[0]


def test_the_commit_of_another_message_covers_nothing() -> None:
    verdict = judged([mail(7), mail(8, OTHER_CLIENT), *commit(8), sync(), promise()])
    assert "message 7" in verdict.broken[0]


def test_a_250_for_nobody_s_message_is_told() -> None:
    assert judged([promise()]).broken == ["line 1: a 250 for a message that nobody sent"]


def test_one_sync_covers_all_that_was_committed_before() -> None:
    lines = [mail(7), mail(8, OTHER_CLIENT), *commit(7), *commit(8), sync()]
    verdict = judged([*lines, promise(), promise(OTHER_CLIENT)])
    assert (verdict.kept, verdict.syncs) == ([7, 8], 1)
