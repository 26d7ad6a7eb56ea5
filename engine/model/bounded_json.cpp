// Two passes: the first only checks, so that nothing is built from JSON that breaks the bounds.
#include "engine/model/bounded_json.h"

#include <nlohmann/json.hpp>
#include <unordered_set>
#include <vector>

#include "engine/model/quoted_name.h"

namespace engine {

namespace {

/// Receives the parser's events; answering false stops it.
class BoundsCheck : public nlohmann::json_sax<nlohmann::json> {
public:
    explicit BoundsCheck(int depth) : m_depth(static_cast<std::size_t>(depth)) {}

    const std::string& fault() const { return m_fault; }

    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool string(string_t&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool start_object(std::size_t) override { return enter(); }
    bool start_array(std::size_t) override { return enter(); }
    bool end_object() override { return leave(); }
    bool end_array() override { return leave(); }
    bool key(string_t& name) override {
        if (m_keys.back().insert(name).second)
            return true;
        m_fault = "key " + quotedName(name) + " stands twice in one object";
        return false;
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
        m_fault = "is not JSON at byte " + std::to_string(position);
        return false;
    }

private:
    bool enter() {
        m_keys.emplace_back();
        if (m_keys.size() <= m_depth)
            return true;
        m_fault = "is nested deeper than " + std::to_string(m_depth);
        return false;
    }
    bool leave() {
        m_keys.pop_back();
        return true;
    }

    std::size_t m_depth;
    std::vector<std::unordered_set<std::string>> m_keys;  // of each open object (an array's stays empty)
    std::string m_fault;
};

}  // namespace

Result<nlohmann::json> parseBoundedJson(std::string_view text, const JsonBounds& bounds) {
    if (text.size() > bounds.bytes)
        return Status(StatusCode::Refused, "has " + std::to_string(text.size()) + " bytes; at most " +
                                               std::to_string(bounds.bytes) + " are allowed");
    BoundsCheck check(bounds.depth);
    if (!nlohmann::json::sax_parse(text, &check))
        return Status(StatusCode::Refused, check.fault());
    return nlohmann::json::parse(text, nullptr, false);
}

}  // namespace engine
