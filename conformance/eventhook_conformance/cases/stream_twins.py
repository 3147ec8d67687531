"""STR-06, CLN: runs cases of events on the stream side."""

from __future__ import annotations

from eventhook_conformance.cases import (
    cancelling,
    cleanup,
    cleanup_traffic,
    closing,
    fanout,
    lifetime,
    order,
    pace,
    publish,
)
from eventhook_conformance.cases._twins import on_streams

# Activity

matching_event_is_delivered_on_streams = on_streams(publish.matching_event_is_delivered, __name__)
reader_that_pauses_misses_nothing_on_streams = on_streams(
    publish.reader_that_pauses_misses_nothing, __name__
)
first_event_is_never_lost_on_streams = on_streams(publish.first_event_is_never_lost, __name__)
later_subscriptions_miss_no_first_event_either_on_streams = on_streams(
    publish.later_subscriptions_miss_no_first_event_either, __name__
)
first_event_of_a_fresh_client_is_not_lost_on_streams = on_streams(
    publish.first_event_of_a_fresh_client_is_not_lost, __name__
)
publishing_without_subscribers_succeeds_on_streams = on_streams(
    publish.publishing_without_subscribers_succeeds, __name__
)
burst_up_to_the_capacity_is_kept_on_streams = on_streams(
    pace.burst_up_to_the_capacity_is_kept, __name__
)
second_burst_is_kept_as_well_on_streams = on_streams(pace.second_burst_is_kept_as_well, __name__)
event_reaches_a_waiting_reader_within_50_ms_on_streams = on_streams(
    pace.event_reaches_a_waiting_reader_within_50_ms, __name__, "PUB-19"
)

# Order and independence

publishers_that_start_a_tenant_at_once_lose_nothing_on_streams = on_streams(
    order.publishers_that_start_a_tenant_at_once_lose_nothing, __name__
)
every_one_of_some_gets_every_event_on_streams = on_streams(
    fanout.every_one_of_some_gets_every_event, __name__
)
reading_one_takes_nothing_from_the_other_on_streams = on_streams(
    fanout.reading_one_takes_nothing_from_the_other, __name__
)
leaving_one_takes_nothing_from_the_other_on_streams = on_streams(
    fanout.leaving_one_takes_nothing_from_the_other, __name__
)

# Coming, leaving and closing

after_leaving_nothing_is_delivered_on_streams = on_streams(
    lifetime.after_leaving_nothing_is_delivered, __name__
)
read_called_while_leaving_delivers_nothing_on_streams = on_streams(
    lifetime.read_called_while_leaving_delivers_nothing, __name__
)
subscriber_that_ends_disturbs_nobody_on_streams = on_streams(
    lifetime.subscriber_that_ends_disturbs_nobody, __name__
)
subscribing_again_starts_afresh_on_streams = on_streams(
    lifetime.subscribing_again_starts_afresh, __name__
)
coming_and_going_disturbs_no_standing_subscription_on_streams = on_streams(
    lifetime.coming_and_going_disturbs_no_standing_subscription, __name__
)
many_that_come_and_go_leave_the_standing_alone_on_streams = on_streams(
    lifetime.many_that_come_and_go_leave_the_standing_alone, __name__
)
closing_one_client_disturbs_no_other_on_streams = on_streams(
    closing.closing_one_client_disturbs_no_other, __name__
)

# Cancelling

cancelled_read_takes_nothing_with_it_on_streams = on_streams(
    cancelling.cancelled_read_takes_nothing_with_it, __name__
)
read_cancelled_as_its_event_arrives_loses_nothing_on_streams = on_streams(
    cancelling.read_cancelled_as_its_event_arrives_loses_nothing, __name__
)
read_cancelled_before_a_full_buffer_loses_nothing_on_streams = on_streams(
    cancelling.read_cancelled_before_a_full_buffer_loses_nothing, __name__
)
cancelling_disturbs_nobody_on_streams = on_streams(cancelling.cancelling_disturbs_nobody, __name__)
cancelling_leaves_no_channel_behind_on_streams = on_streams(
    cancelling.cancelling_leaves_no_channel_behind, __name__
)

# Cleanup

active_subscriptions_are_not_touched_on_streams = on_streams(
    cleanup.active_subscriptions_are_not_touched, __name__, "CLN-02", "STR-06"
)
cleaning_one_tenant_disturbs_no_other_on_streams = on_streams(
    cleanup_traffic.cleaning_one_tenant_disturbs_no_other, __name__, "CLN-07", "STR-06"
)
cleanup_under_fire_breaks_nothing_on_streams = on_streams(
    cleanup_traffic.cleanup_under_fire_breaks_nothing, __name__, "CLN-08", "STR-06"
)
