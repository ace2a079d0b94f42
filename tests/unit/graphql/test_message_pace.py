from resumepair_graphql.message_pace import MessagePace


def test_a_client_may_send_a_burst_and_then_so_many_a_second() -> None:
    pace = MessagePace()
    assert [pace.exceeded_by(10, 1000) for _ in range(200)] == [None] * 200
    assert pace.exceeded_by(10, 1000) == "More than 50 messages a second"
    assert [pace.exceeded_by(10, 1001.1) for _ in range(50)] == [None] * 50


def test_large_messages_count_for_more() -> None:
    pace = MessagePace()
    assert [pace.exceeded_by(64 * 1024, 1000) for _ in range(16)] == [None] * 16
    assert pace.exceeded_by(1, 1000) == "More than 128 KiB of messages a second"
    assert [pace.exceeded_by(64 * 1024, 1001.1) for _ in range(2)] == [None] * 2
