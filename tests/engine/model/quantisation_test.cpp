// De-quantisation against stored vectors and against a second, element-by-element reading of the formats.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "engine/model/host_tensor.h"
#include "engine/model/quantisation.h"

namespace {

using engine::WeightType;

std::vector<std::byte> fromHex(std::string_view hex) {
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
    return bytes;
}

struct Sample {
    int index;
    float value;
};

struct Golden {
    WeightType type;
    const char* block;  // one, random quants and scales
    std::vector<Sample> samples;
    double sum;
};

// Expected values by the independent Python package gguf 0.19.
const std::vector<Golden>& goldenBlocks() {
    static const std::vector<Golden> blocks = {
        {WeightType::Q4_0,
         "10a4e5f1a94106a0956a26afbccdafe562f9",
         {{0, 0.0476074219F}, {1, 0.111083984F}, {15, -0.0158691406F}, {16, -0.0952148438F}, {31, -0.111083984F}},
         -0.0952148438},
        {WeightType::Q4_1,
         "921458a55e6db2567b0888d756a86851440f3a27",
         {{0, -0.00525283813F}, {1, -0.00636863708F}, {15, -0.0130634308F}, {16, -0.0152950287F}, {31, -0.0186424255F}},
         -0.424724579},
        {WeightType::Q5_0,
         "bb293f77cc3bdcd3a0e1c028ad914279e50d66cfb3cb",
         {{0, 0.537231445F}, {1, 0.134307861F}, {15, -0.223846436F}, {16, -0.134307861F}, {31, -0.179077148F}},
         3.35769653},
        {WeightType::Q5_1,
         "58a16090a6bec81db41bc370f7cbe6cee5b5ea4272e0984f",
         {{0, -0.0422821045F}, {1, -0.282333374F}, {15, -0.324081421F}, {16, -0.115341187F}, {31, -0.0422821045F}},
         -5.61132812},
        {WeightType::Q8_0,
         "b89491e2d3dd81c7b83ddd89a984f92cd7a3dad3429fbea3aa6d419235dd05b82974",
         {{0, 0.127876282F}, {1, 0.0345611572F}, {15, 0.107139587F}, {16, 0.0437774658F}, {31, -0.133636475F}},
         1.22692108},
        {WeightType::Q2_K,
         "1b73a22b7beaf0cc1b767499380937d136896d164ae5fdf1f893b3cea2aafad68645301a0ee1bea57d8c808aa8a2e22ff006"
         "65ea868db0d2ee4d35d48d6464baef046a2d09a632bfb7e1207647048bb212aa1028",
         {{0, -1.07507324F},
          {1, -0.553405762F},
          {17, -0.364440918F},
          {33, -0.507080078F},
          {63, -1.628479F},
          {64, -1.78717041F},
          {100, -0.476074219F},
          {127, -0.380859375F},
          {128, -0.0317382812F},
          {170, -0.411865234F},
          {200, -0.854003906F},
          {255, -0.507446289F}},
         -188.68103},
        {WeightType::Q3_K,
         "d70918a72282519a2f8994cb15d8b30cb829b35b0ac4414bb9fe3b9259d20ee88139f4021fdd8cfea3dc5179b0bdadd91a2a"
         "faf3fc55712bd007813a85c79fc34afd266ba5ef6b73cdab854ff458af2b62a720d76a461b7b6f9f2d0254e541ec0320cf1e"
         "55a193e0630131b5e029",
         {{0, 0.872070312F},
          {1, 0.872070312F},
          {17, -1.46875F},
          {33, 0.091796875F},
          {63, 0.3671875F},
          {64, -0.0F},
          {100, 5.32421875F},
          {127, -2.203125F},
          {128, 0.0F},
          {170, -3.85546875F},
          {200, 2.01953125F},
          {255, 1.92773438F}},
         31.8535156},
        {WeightType::Q4_K,
         "0c257026f127583eecd9aea0cabde641c8841f76f003fadf1a7677259f202834bf5ea7f86808d462be02877a72f6a5becda9"
         "7afcb6fa7a54c3523e7f6ee0b05d2a1b50df9ed9bfe842145a107e28db34f1bff5a018e9bd3d78acf025e9d300e3987de9eb"
         "25cf75463bcc8f9d8d82a2548e7aa427c606cae1be6f62016fbc35523006310d46f739ff51ba918753763fd2",
         {{0, 6.62158203F},
          {1, 2.75756836F},
          {17, 12.4176025F},
          {33, 5.5222168F},
          {63, 7.82879639F},
          {64, 4.99414062F},
          {100, 12.6405029F},
          {127, 2.86218262F},
          {128, -0.365356445F},
          {170, 2.36065674F},
          {200, 4.9152832F},
          {255, -0.648986816F}},
         1029.02167},
        {WeightType::Q5_K,
         "d1a75e217fb7608fd50fa36fb5de2e779d293e7fbc48714f956094143fd3b6490938557c96a82416ff65a6648824a7a5041e"
         "bb165cf29d32c825b6f32e06386cfeb3e036d08b98edab37452d4edd2759995d31e080fcf050f840212398d4b6eec58f9dfc"
         "8d036595c9c80138f84f0d928fba2a3b89eced38a29570bfd7cc26a4f7ed865eac731161b04d648c4aac368b050b6e08cc2c"
         "ce652cc0a1893540c014b2193db214faafe0a17a76bd72b417b1",
         {{0, -38.6915131F},
          {1, -57.9272003F},
          {17, -5.99084473F},
          {33, -1.83654785F},
          {63, -8.55377197F},
          {64, -24.7931671F},
          {100, -11.4845123F},
          {127, -4.61462402F},
          {128, -20.4953613F},
          {170, -9.96784973F},
          {200, -11.3482361F},
          {255, -32.3921814F}},
         -4516.07121},
        {WeightType::Q6_K,
         "e0dfcbead8a751bb0117c86e4e287a8e103d61a6acef995a602b59833c635ac919bf6cda9853762bd2ed16ae03ab1f5cdef6"
         "2fbcff72536aaa85ee1d6e0428aed26dd8cc1886d0c2260f371851b71691b11bc00e8938a89b93992d2509a0f047e2b35e81"
         "9288db9751abacdb2d04e7d70b8f381d175e7570cbd861f88f2b6cc0675693b57633108236c9128e71954983e7b2fdedd82e"
         "a89b00507458282fd523901da0ee6f0f1d37711d5b01eb46eb2cd3cbdc7a9035fc8805d77e41110b4eab24e71e06751120b5"
         "539bbc85da4c5b352721",
         {{0, 5.79638672F},
          {1, 5.43411255F},
          {17, -3.2705307F},
          {33, -0.301895142F},
          {63, -1.08682251F},
          {64, 16.4834747F},
          {100, -2.25415039F},
          {127, 16.6042328F},
          {128, -25.0572968F},
          {170, -8.21154785F},
          {200, -6.88320923F},
          {255, 6.400177F}},
         -253.068634},
    };
    return blocks;
}

TEST(Quantisation, BlocksEqualStoredVectors) {
    for (const Golden& golden : goldenBlocks()) {
        SCOPED_TRACE(std::string(engine::weightTypeName(golden.type)));
        const std::vector<std::byte> block = fromHex(golden.block);
        ASSERT_EQ(block.size(), static_cast<std::size_t>(engine::weightBlockBytes(golden.type)));
        std::vector<float> values(static_cast<std::size_t>(engine::weightBlockElements(golden.type)));
        engine::dequantiseBlocks(golden.type, block, values.data());
        double sum = 0;
        for (const float value : values)
            sum += static_cast<double>(value);
        // Exact: the same fp32 products and sums in the same order.
        for (const Sample& sample : golden.samples)
            EXPECT_EQ(values[static_cast<std::size_t>(sample.index)], sample.value) << sample.index;
        EXPECT_NEAR(sum, golden.sum, 1e-8 * (1 + std::abs(golden.sum)));  // nine digits are stored
    }
}

/// A block read as one string of bits, element by element, in double precision.
class SlowBlock {
public:
    SlowBlock(WeightType type, const std::byte* bytes) : m_type(type), m_bytes(bytes) {}

    double element(int e) const {
        switch (m_type) {
            case WeightType::Q4_0:
                return (nibble(2, e) - 8) * half(0);
            case WeightType::Q4_1:
                return nibble(4, e) * half(0) + half(2);
            case WeightType::Q5_0:
                return (nibble(6, e) + 16 * bit(2, e) - 16) * half(0);
            case WeightType::Q5_1:
                return (nibble(8, e) + 16 * bit(4, e)) * half(0) + half(2);
            case WeightType::Q8_0:
                return signedByte(2 + e) * half(0);
            case WeightType::Q2_K:
                return half(80) * (byte(e / 16) % 16) * twoBits(16, e) - half(82) * (byte(e / 16) / 16);
            case WeightType::Q3_K:
                return half(108) * scale3(e / 16) * (twoBits(32, e) + 4 * maskBit(e) - 4);
            case WeightType::Q4_K:
                return half(0) * scale4(e / 32) * wideNibble(16, e) - half(2) * minimum4(e / 32);
            case WeightType::Q5_K:
                return half(0) * scale4(e / 32) * (wideNibble(48, e) + 16 * fifthBit(e)) - half(2) * minimum4(e / 32);
            case WeightType::Q6_K:
                return half(208) * signedByte(192 + e / 16) * (sixBits(e) - 32);
            default:
                return std::numeric_limits<double>::quiet_NaN();
        }
    }

private:
    int byte(int at) const { return static_cast<int>(m_bytes[at]); }
    int signedByte(int at) const { return byte(at) < 128 ? byte(at) : byte(at) - 256; }
    double half(int at) const {
        const int bits = byte(at) + 256 * byte(at + 1);
        const int exponent = bits / 1024 % 32;
        const int mantissa = bits % 1024;
        const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
        return bits >= 32768 ? -magnitude : magnitude;
    }
    int bit(int at, int number) const { return byte(at + number / 8) >> (number % 8) & 1; }
    int nibble(int at, int e) const { return e < 16 ? byte(at + e) % 16 : byte(at + e - 16) / 16; }
    int twoBits(int at, int e) const { return byte(at + e / 128 * 32 + e % 32) >> (e % 128 / 32 * 2) & 3; }
    int maskBit(int e) const { return byte(e % 32) >> (e / 32) & 1; }
    int scale3(int sub) const {
        const int low = sub < 8 ? byte(96 + sub) % 16 : byte(96 + sub - 8) / 16;
        return low + 16 * (byte(104 + sub % 4) >> (sub / 4 * 2) & 3) - 32;
    }
    int scale4(int sub) const { return sub < 4 ? byte(4 + sub) % 64 : byte(8 + sub) % 16 + byte(sub) / 64 * 16; }
    int minimum4(int sub) const { return sub < 4 ? byte(8 + sub) % 64 : byte(8 + sub) / 16 + byte(4 + sub) / 64 * 16; }
    int wideNibble(int at, int e) const {
        const int packed = byte(at + e / 64 * 32 + e % 32);
        return e / 32 % 2 == 0 ? packed % 16 : packed / 16;
    }
    int fifthBit(int e) const { return byte(16 + e % 32) >> (e / 32) & 1; }
    int sixBits(int e) const {
        const int inHalf = e % 128;
        const int low = byte(e / 128 * 64 + inHalf % 64);
        const int high = byte(128 + e / 128 * 32 + e % 32) >> (inHalf / 32 * 2) & 3;
        return (inHalf < 64 ? low % 16 : low / 16) + 16 * high;
    }

    WeightType m_type;
    const std::byte* m_bytes;
};

constexpr WeightType kBlockTypes[] = {WeightType::Q4_0, WeightType::Q4_1, WeightType::Q5_0, WeightType::Q5_1,
                                      WeightType::Q8_0, WeightType::Q2_K, WeightType::Q3_K, WeightType::Q4_K,
                                      WeightType::Q5_K, WeightType::Q6_K};

/// Where the fp16 numbers of a block lie.
std::vector<std::size_t> scaleOffsets(WeightType type) {
    switch (type) {
        case WeightType::Q4_1:
        case WeightType::Q5_1:
        case WeightType::Q4_K:
        case WeightType::Q5_K:
            return {0, 2};
        case WeightType::Q2_K:
            return {80, 82};
        case WeightType::Q3_K:
            return {108};
        case WeightType::Q6_K:
            return {208};
        default:
            return {0};
    }
}

/// Random rows whose scales are finite and of ordinary size.
engine::HostTensor randomTensor(WeightType type, int rows, int columns, unsigned seed) {
    std::mt19937 generator(seed);
    engine::HostTensor tensor;
    tensor.type = type;
    tensor.rows = rows;
    tensor.columns = columns;
    tensor.data.resize(tensor.rowBytes() * static_cast<std::size_t>(rows));
    for (std::byte& byte : tensor.data)
        byte = static_cast<std::byte>(generator());
    const auto blockBytes = static_cast<std::size_t>(engine::weightBlockBytes(type));
    for (std::size_t at = 0; at < tensor.data.size(); at += blockBytes) {
        for (const std::size_t offset : scaleOffsets(type)) {
            // Exponents 2^-15 (subnormal) to 2^-1, either sign.
            const auto bits = static_cast<std::uint16_t>((generator() & 0x83ff) | (generator() % 15) << 10);
            std::memcpy(tensor.data.data() + at + offset, &bits, sizeof bits);
        }
    }
    return tensor;
}

TEST(Quantisation, EveryElementEqualsASlowReadingOfTheFormat) {
    for (const WeightType type : kBlockTypes) {
        SCOPED_TRACE(std::string(engine::weightTypeName(type)));
        const int elements = engine::weightBlockElements(type);
        const engine::HostTensor tensor = randomTensor(type, 16, elements * 2, 5);
        std::vector<float> values(static_cast<std::size_t>(tensor.rows) * static_cast<std::size_t>(tensor.columns));
        engine::dequantiseRows(tensor, 0, tensor.rows, values.data());
        for (std::size_t i = 0; i < values.size(); ++i) {
            const std::size_t block = i / static_cast<std::size_t>(elements);
            const SlowBlock slow(type,
                                 tensor.data.data() + block * static_cast<std::size_t>(engine::weightBlockBytes(type)));
            const double expected = slow.element(static_cast<int>(i) % elements);
            // Two products and a difference in fp32: three roundings of terms that are at most about 1,100 · scale.
            ASSERT_NEAR(static_cast<double>(values[i]), expected, 2e-4 * (0.1 + std::abs(expected))) << i;
        }
    }
}

TEST(Quantisation, RowsAreThoseAskedFor) {
    const engine::HostTensor tensor = randomTensor(WeightType::Q4_1, 7, 96, 9);
    std::vector<float> all(7 * 96);
    engine::dequantiseRows(tensor, 0, 7, all.data());
    std::vector<float> some(2 * 96 + 1, 12345.0F);
    engine::dequantiseRows(tensor, 3, 2, some.data());
    EXPECT_EQ(std::vector<float>(all.begin() + 3 * 96, all.begin() + 5 * 96),
              std::vector<float>(some.begin(), some.end() - 1));
    EXPECT_EQ(some.back(), 12345.0F) << "nothing is written behind the rows";
}

TEST(Quantisation, PlainTypesKeepEveryValue) {
    const float numbers[] = {0.0F, -0.0F, 1.0F, -2.5F, 3.4e38F, 1e-45F};
    std::vector<float> out(6);
    engine::dequantiseBlocks(WeightType::F32, std::as_bytes(std::span(numbers)), out.data());
    EXPECT_EQ(std::memcmp(numbers, out.data(), sizeof numbers), 0);

    const std::uint16_t brain[] = {0x3f80, 0xc020, 0x0001, 0x7f7f};
    engine::dequantiseBlocks(WeightType::Bf16, std::as_bytes(std::span(brain)), out.data());
    EXPECT_EQ(out[0], 1.0F);
    EXPECT_EQ(out[1], -2.5F);
    EXPECT_EQ(out[2], 0x1p-133F);
    EXPECT_EQ(out[3], 0x1.fep127F);
}

TEST(Quantisation, EveryHalfIsConvertedExactly) {
    for (unsigned bits = 0; bits < 65536; ++bits) {
        const unsigned exponent = bits >> 10 & 31;
        const unsigned mantissa = bits & 1023;
        const float value = engine::halfToFloat(static_cast<std::uint16_t>(bits));
        EXPECT_EQ(std::signbit(value), bits >= 32768);
        if (exponent == 31) {
            EXPECT_EQ(std::isnan(value), mantissa != 0);
            EXPECT_EQ(std::isinf(value), mantissa == 0);
        } else {
            const double magnitude =
                exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, static_cast<int>(exponent) - 25);
            EXPECT_EQ(std::abs(static_cast<double>(value)), magnitude);
        }
    }
}

TEST(Quantisation, ScalesThatAreNotFiniteAreFoundInTheirBlock) {
    for (const WeightType type : kBlockTypes) {
        SCOPED_TRACE(std::string(engine::weightTypeName(type)));
        for (const std::size_t offset : scaleOffsets(type)) {
            for (const int bits : {0x7c00, 0xfc00, 0x7e01}) {
                engine::HostTensor tensor = randomTensor(type, 1, engine::weightBlockElements(type) * 4, 3);
                EXPECT_EQ(engine::firstBlockNotFinite(type, tensor.data), -1);
                std::memcpy(tensor.data.data() + 2 * engine::weightBlockBytes(type) + offset, &bits, 2);  // little-endian
                EXPECT_EQ(engine::firstBlockNotFinite(type, tensor.data), 2);
            }
        }
    }
    const float numbers[] = {1, std::numeric_limits<float>::max(), -std::numeric_limits<float>::infinity()};
    EXPECT_EQ(engine::firstBlockNotFinite(WeightType::F32, std::as_bytes(std::span(numbers))), 2);
    EXPECT_EQ(engine::firstBlockNotFinite(WeightType::F32, std::as_bytes(std::span(numbers).first(2))), -1);
    const std::uint16_t brain[] = {0x7f7f, 0xff80};
    EXPECT_EQ(engine::firstBlockNotFinite(WeightType::Bf16, std::as_bytes(std::span(brain))), 1);
}

}  // namespace
