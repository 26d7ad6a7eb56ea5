// RamTier: what is kept, what goes, and that the cap holds.
#include "engine/kv/ram_tier.h"

#include <gtest/gtest.h>

#include <cstring>

namespace {

using engine::RamTier;

constexpr int kTokens = 16;
const storage::KvSpec kSpec{4, 2, 8, storage::KvDtype::F16};
const std::uint64_t kRecordBytes = 4 * 2 * storage::kvSliceBytes(kSpec, kTokens);

storage::KvExtent extentOf(int number) {
    storage::KvExtent extent;
    extent.key.digest.bytes[0] = static_cast<std::uint8_t>(number);
    extent.tokens = kTokens;
    return extent;
}

void fill(RamTier& tier, int number) {
    tier.beginQuery();
    const auto record = tier.take(extentOf(number));
    ASSERT_NE(record, nullptr);
    for (int layer = 0; layer < kSpec.layers; ++layer) {
        std::memset(record->layer(layer), number, record->layerBytes());
        tier.publish(*record, layer);
    }
}

TEST(RamTier, HoldsALayerOnlyOnceItIsPublished) {
    RamTier tier(kSpec, kRecordBytes);
    const auto record = tier.take(extentOf(1));
    ASSERT_NE(record, nullptr);
    for (int layer = 1; layer < kSpec.layers; ++layer)
        tier.publish(*record, layer);
    EXPECT_FALSE(tier.holds(*record, 0));
    EXPECT_FALSE(tier.holds(extentOf(1), 0));
    EXPECT_TRUE(tier.holds(extentOf(1), 1));
    tier.publish(*record, 0);
    EXPECT_TRUE(tier.holds(extentOf(1), 0));
    EXPECT_FALSE(tier.holds(extentOf(2), 0));
}

TEST(RamTier, EvictsTheLongestUnusedRecordAndNeverHoldsMoreThanItsCap) {
    RamTier tier(kSpec, 3 * kRecordBytes);
    for (const int number : {1, 2, 3})
        fill(tier, number);
    tier.beginQuery();
    (void)tier.take(extentOf(1));  // used again
    fill(tier, 4);
    EXPECT_LE(tier.bytes(), tier.capBytes());
    EXPECT_TRUE(tier.holds(extentOf(1), 0));
    EXPECT_FALSE(tier.holds(extentOf(2), 0));
    EXPECT_TRUE(tier.holds(extentOf(3), 0));
    EXPECT_TRUE(tier.holds(extentOf(4), 0));
}

TEST(RamTier, AContextLargerThanTheCapKeepsAPartInsteadOfPushingItselfOut) {
    RamTier tier(kSpec, 2 * kRecordBytes);
    for (int query = 0; query < 2; ++query) {
        tier.beginQuery();
        for (const int number : {1, 2, 3})
            EXPECT_EQ(tier.take(extentOf(number)) != nullptr, number != 3) << "query " << query;
    }
}

TEST(RamTier, AnEvictedRecordLivesAsLongAsSomeoneUsesIt) {
    RamTier tier(kSpec, kRecordBytes);
    fill(tier, 7);
    const auto record = tier.take(extentOf(7));
    fill(tier, 8);
    EXPECT_FALSE(tier.holds(extentOf(7), 0));
    EXPECT_EQ(record->layer(3)[record->layerBytes() - 1], std::byte{7});
}

TEST(RamTier, ACapOfNothingAndAFailingAllocationKeepNothing) {
    RamTier none(kSpec, 0);
    EXPECT_EQ(none.take(extentOf(1)), nullptr);
    RamTier failing(kSpec, 10 * kRecordBytes, [](std::uint64_t) { return RamTier::Memory(); });
    EXPECT_EQ(failing.take(extentOf(1)), nullptr);
    EXPECT_EQ(failing.bytes(), 0U);
}

}  // namespace
