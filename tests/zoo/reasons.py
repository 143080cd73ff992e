"""Why the explorer does not notice a bug, or is slow to, in words."""

REASONS: dict[str, str] = {
    'clock-is-compared-once': (
        'a host has to write more than a minute after its clock stepped, and with the connections '
        'of before: few runs last so long, and whatever drops connections corrects its clock.'
    ),
    'goes-on-after-a-deadlock': (
        'a deadlock has to strike the second statement of a transaction that writes outcomes of '
        'different kinds at once; few groups have two.'
    ),
    'heartbeat-without-the-token': (
        'a worker has to stall for longer than a lease with its handler running, and to wake '
        'while the job runs again elsewhere.'
    ),
    'outage-counts-as-silence': (
        'two outages have to follow each other so closely that a rescuer looks in between and a '
        'heartbeat does not come.'
    ),
    'rescue-in-doubt-is-not-told': (
        'a connection has to be lost at the very commit of a rescue, of which a run has one or two.'
    ),
    'rescue-of-another-claim': (
        'a rescuer has to stall between its look and its update, while another rescues the job '
        'and one claims it.'
    ),
    'rescuer-waits-by-the-wall-clock': (
        'the clock of a rescuer has to step forward within the third of a lease between two looks '
        'at a row that is past its lease.'
    ),
}
"""Of those for which it has been looked into: what has to come together."""
