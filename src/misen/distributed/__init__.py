"""Several processes that act as one: who they are, how they agree, how they share a batch; nothing about models."""

from misen.distributed.draws import whole_batch_draws
from misen.distributed.launch import Team, team
from misen.distributed.reduce import agree, anywhere, average, require_equal, wait

__all__ = ["Team", "agree", "anywhere", "average", "require_equal", "team", "wait", "whole_batch_draws"]
