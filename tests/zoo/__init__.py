"""The bug zoo: real bugs of job queues, planted in wumai one at a time, to see who notices."""
