"""Which member of the learners' group gets which partitions: of each topic its fair share.

The sticky assignor evens out how many partitions each member has in all. When a second member
joined, it could be handed all partitions of the one topic that is busy and leave the first with
those of topics where nothing happens: one process learned, and the other slept.
"""

from collections import defaultdict
from collections.abc import Mapping

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)


class StickyByTopic(StickyPartitionAssignor):  # type: ignore[misc]  # the library has no types
    """The sticky assignor, topic by topic: of each, members have equally many, but for one.

    Members go by its name in the group, so that those of an earlier version may be in it too.
    """

    @classmethod
    def assign(
        cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Who gets what, by the id of a member.

        Source: KIP-54, Sticky Partition Assignment Strategy, applied to each topic alone.
        """
        given: dict[str, list[tuple[str, list[int]]]] = defaultdict(list)
        for topic in sorted({one for member in members.values() for one in member.subscription}):
            of_topic = {
                member: ConsumerProtocolMemberMetadata(about.version, [topic], about.user_data)
                for member, about in members.items()
                if topic in about.subscription
            }
            for member, assignment in super().assign(cluster, of_topic).items():
                given[member] += assignment.assignment
        return {
            member: ConsumerProtocolMemberAssignment(cls.version, given[member], b"")
            for member in members
        }
