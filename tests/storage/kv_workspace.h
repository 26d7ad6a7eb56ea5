// A KV store with small records whose right bytes are known: numbers stand for chunks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/file_system.h"
#include "storage/kv_store.h"

namespace storage::testing {

inline constexpr int kTokens = 5;
/// Two layers of 2 heads of 4 fp16 numbers: K and V of a layer have 80 bytes each, a record 3 blocks of 4 KiB.
inline constexpr KvSpec kSpec{2, 2, 4, KvDtype::F16};
inline constexpr std::uint64_t kRecordBytes = 3 * 4096;
inline constexpr std::uint64_t kHeaderBytes = 4096;

FingerprintRecord fingerprintOf(int number, const KvSpec& spec = kSpec);
KvKey keyOf(int number);
/// K, V of layer 0, K, V of layer 1, …: bytes that follow from fingerprint, key, layer and half.
std::vector<std::vector<std::byte>> slicesOf(const FingerprintRecord& fingerprint, int number, int tokens = kTokens);

enum class Answer {
    Right,    // every byte as it was put
    Miss,     // find() knows nothing
    Damaged,  // found, but the reader refused the bytes
    Wrong     // other bytes were handed on as good: must never happen
};
Answer readBack(KvStore& store, const FingerprintRecord& fingerprint, int number);
inline Answer readBack(KvStore& store, int number) { return readBack(store, fingerprintOf(0), number); }

Status putChunk(KvStore& store, const FingerprintRecord& fingerprint, int number, int tokens = kTokens);
inline Status putChunk(KvStore& store, int number) { return putChunk(store, fingerprintOf(0), number); }

/// Bytes of all segment files, as the file system tells them.
std::uint64_t segmentBytesOnDisk(const std::string& workspace);
/// Paths of all segment files, in order.
std::vector<std::string> segmentFiles(const std::string& workspace);
std::vector<std::byte> readFile(const std::string& path);
void writeFile(const std::string& path, const std::vector<std::byte>& bytes);
/// Names, sizes and bytes of all files below `path`, for "nothing was changed".
std::string treeDigest(const std::string& path);

}  // namespace storage::testing
