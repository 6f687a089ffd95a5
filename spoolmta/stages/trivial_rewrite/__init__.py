"""Resolves recipients, and plans who is delivered to together: trivial-rewrite(8), in part qmgr(8).

stage          claims, resolves and plans a batch
slices         how many recipients of a message are brought in at a time
forced_expiry  returns what an operator wants returned
providers      which domains share one destination, since one provider takes their mail
"""

from spoolmta.stages.trivial_rewrite.stage import open_stage

__all__ = ["open_stage"]
