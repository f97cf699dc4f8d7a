"""Deliver the result of a night: files, issues, comments, messages and annotations.

Delivery is idempotent, also after a run that was killed or an answer that was lost: a channel looks up what
is there already. One that cannot be read back, such as a webhook, keeps what it sent in `delivered`, whose
keys are causes; a second such channel needs keys of its own. Text of others goes into code spans.
"""
