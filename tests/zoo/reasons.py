"""Why the explorer does not notice a bug, or is slow to, in words."""

REASONS: dict[str, str] = {
    'claim-waits-for-locks': (
        'another program has to lock a row that is due for longer than a poll, while nothing else '
        'is wrong and another job becomes due that a free worker could begin.'
    ),
    'outage-counts-as-silence': (
        'a rescuer has to look between two outages before a heartbeat comes, and once more after '
        'the second: heartbeats try again faster than rescuers look, so they win both races.'
    ),
    'outcome-without-the-token': (
        'a worker has to stall for longer than a lease just before it writes an outcome, and to '
        'wake while the same job runs elsewhere.'
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
