"""What is wrong and since when: the words that every room speaks of its troubles in, and who listens."""

from edged.health.finding import Finding, Issue, Severity
from edged.health.watch import HealthWatch

__all__ = ["Finding", "HealthWatch", "Issue", "Severity"]
