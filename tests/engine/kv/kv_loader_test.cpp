// KvLoader: every layer's bytes in order, from disk once and from memory afterwards; failures; a slow disk.
#include "engine/kv/kv_loader.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

#include "engine/kv/throttled_reader.h"

namespace {

using engine::KvLoader;
using engine::LoadItem;
using engine::RamTier;

const storage::KvSpec kSpec{6, 2, 8, storage::KvDtype::F16};

storage::KvExtent extentOf(std::uint8_t number, int tokens) {
    storage::KvExtent extent;
    extent.key.digest.bytes[0] = number;
    extent.tokens = tokens;
    return extent;
}

std::byte byteOf(const storage::KvExtent& extent, int layer) {
    return static_cast<std::byte>(extent.key.digest.bytes[0] * 16 + layer);
}

/// A disk whose slices consist of one byte that tells record and layer.
class PatternReader : public storage::KvReader {
public:
    explicit PatternReader(std::atomic<int>& reads, int damagedLayer = -1) : m_reads(reads), m_damagedLayer(damagedLayer) {}
    storage::Status readLayer(const storage::KvExtent& extent, int layer, std::span<std::byte> destination) override {
        ++m_reads;
        std::fill(destination.begin(), destination.end(), byteOf(extent, layer));
        return layer == m_damagedLayer ? storage::Status(storage::StatusCode::Damaged, "damaged") : storage::Status();
    }

private:
    std::atomic<int>& m_reads;
    const int m_damagedLayer;
};

class KvLoaderTest : public testing::Test {
protected:
    std::unique_ptr<storage::KvReader> disk(int damagedLayer = -1) {
        return std::make_unique<PatternReader>(m_reads, damagedLayer);
    }

    /// Walks all layers and checks each byte.
    void expectEveryLayer(KvLoader& loader) {
        for (int layer = 0; layer < kSpec.layers; ++layer) {
            const auto views = loader.wait(layer);
            ASSERT_EQ(views.size(), m_items.size());
            for (std::size_t i = 0; i < views.size(); ++i) {
                const LoadItem& item = m_items[i];
                if (layer < item.firstLayer) {
                    EXPECT_EQ(views[i].tokens, 0);
                    continue;
                }
                ASSERT_EQ(views[i].tokens, item.extent.tokens);
                const std::size_t bytes = storage::kvSliceBytes(kSpec, item.extent.tokens);
                for (const std::byte* slice : {views[i].k, views[i].v})
                    EXPECT_EQ(std::count(slice, slice + bytes, byteOf(item.extent, layer)),
                              static_cast<std::ptrdiff_t>(bytes));
            }
            loader.release(layer);
        }
    }

    std::atomic<int> m_reads = 0;
    std::vector<LoadItem> m_items{{extentOf(1, 5), 0}, {extentOf(2, 9), 2}, {extentOf(3, 1), 0}};
    const int m_layersNeeded = 6 + 4 + 6;
};

TEST_F(KvLoaderTest, WithoutMemoryEveryLayerIsReadEachTime) {
    for (int run = 1; run <= 2; ++run) {
        KvLoader loader({disk()}, kSpec, m_items);
        expectEveryLayer(loader);
        EXPECT_EQ(m_reads, run * m_layersNeeded);
        EXPECT_EQ(loader.bytesFromRam(), 0U);
    }
}

TEST_F(KvLoaderTest, WhereNoSpecialMemoryIsLeftPlainMemoryServes) {
    int asked = 0;
    KvLoader loader(disk(), kSpec, m_items, [&](std::uint64_t) {
        ++asked;
        return nullptr;
    });
    expectEveryLayer(loader);
    EXPECT_GT(asked, 0);
}

TEST_F(KvLoaderTest, WhatWasReadOnceComesFromMemory) {
    RamTier ram(kSpec, 1 << 20);
    std::uint64_t bytes = 0;
    {
        KvLoader loader({disk(), &ram}, kSpec, m_items);
        expectEveryLayer(loader);
        bytes = loader.bytesLoaded();
        EXPECT_EQ(loader.bytesFromRam(), 0U);
        EXPECT_FALSE(loader.cameFromRam(0));
    }
    EXPECT_EQ(m_reads, m_layersNeeded);
    KvLoader loader({disk(), &ram}, kSpec, m_items);
    expectEveryLayer(loader);
    EXPECT_EQ(m_reads, m_layersNeeded);
    EXPECT_EQ(loader.bytesFromRam(), bytes);
    EXPECT_EQ(loader.bytesLoaded(), bytes);
    EXPECT_TRUE(loader.cameFromRam(1));
}

TEST_F(KvLoaderTest, AMemoryTooSmallForAllReadsTheRest) {
    RamTier ram(kSpec, 6 * 2 * storage::kvSliceBytes(kSpec, 5));  // the first record
    for (int run = 0; run < 3; ++run) {
        m_reads = 0;
        KvLoader loader({disk(), &ram}, kSpec, m_items);
        expectEveryLayer(loader);
        EXPECT_EQ(m_reads, run == 0 ? m_layersNeeded : m_layersNeeded - 6);
        EXPECT_EQ(loader.cameFromRam(0), run > 0);
        EXPECT_FALSE(loader.cameFromRam(1));
    }
}

TEST_F(KvLoaderTest, ADamagedLayerIsReportedAndNotKept) {
    RamTier ram(kSpec, 1 << 20);
    for (int run = 0; run < 2; ++run) {
        KvLoader loader({disk(3), &ram}, kSpec, m_items);
        for (int layer = 0; layer <= 3; ++layer) {  // it may be met while an earlier layer is waited for
            (void)loader.wait(layer);
            loader.release(layer);
        }
        EXPECT_EQ(loader.failures().size(), m_items.size());
        EXPECT_FALSE(ram.holds(m_items[0].extent, 3));
    }
}

TEST_F(KvLoaderTest, AThrottledDiskTakesItsTime) {
    const std::uint64_t bytes = 2 * 6 * storage::kvSliceBytes(kSpec, 9);
    const auto begin = std::chrono::steady_clock::now();
    KvLoader loader({std::make_unique<engine::ThrottledReader>(disk(), bytes * 20)}, kSpec, {{extentOf(2, 9), 0}});
    for (int layer = 0; layer < kSpec.layers; ++layer) {
        (void)loader.wait(layer);
        loader.release(layer);
    }
    EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(50));
}

}  // namespace
