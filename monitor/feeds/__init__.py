"""From a URL to normalized items, and the schedule of polls.

    catalog     rules/feeds.yaml to Feed values
    fetch       Feed and FeedState to Fetched or NotModified           (the only part that does I/O,
    worker      Fetched to ParsedFeed in a process that can be killed   with worker and politeness' list)
    sniff, encoding, scan, parse, jsonfeed   what the worker runs
    normalize   ParsedFeed to Items; identity, urls and dates decide what they are called and when they are
    interval    FeedState and an outcome to the next FeedState; redirects and politeness help

It stores nothing and knows no rules.
"""
