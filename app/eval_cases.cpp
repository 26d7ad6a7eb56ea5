// The cases of `eval` and `verify`.
#include "app/eval_cases.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <system_error>

namespace app {

namespace {

using nlohmann::json;

/// A field that is not as it must be; the message is for people.
class BadField : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

const json& field(const json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end())
        throw BadField(std::string("\"") + name + "\" is missing");
    return *found;
}

std::string textField(const json& object, const char* name) {
    const json& value = field(object, name);
    if (!value.is_string())
        throw BadField(std::string("\"") + name + "\" is not a string");
    return value.get<std::string>();
}

std::vector<std::string> textsField(const json& object, const char* name) {
    const json& value = field(object, name);
    if (!value.is_array() || !std::all_of(value.begin(), value.end(), [](const json& text) { return text.is_string(); }))
        throw BadField(std::string("\"") + name + "\" is not an array of strings");
    return value.get<std::vector<std::string>>();
}

/// The id names files, so it must be one plain path component.
std::string idField(const json& object) {
    const json& value = field(object, "id");
    if (!value.is_string() && !value.is_number_integer())
        throw BadField("\"id\" is neither a string nor a whole number");
    const std::string id = value.is_string() ? value.get<std::string>() : value.dump();
    const bool control = std::any_of(id.begin(), id.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    if (id.empty() || id.front() == '.' || id.size() > 200 || control || id.find('/') != std::string::npos)
        throw BadField("\"id\" must be 1 to 200 bytes without '/', control characters, or a leading '.'");
    return id;
}

EvalCase caseOf(const json& object) {
    if (!object.is_object())
        throw BadField("not a JSON object");
    EvalCase result;
    result.id = idField(object);
    result.prompt.head = textField(object, "head");
    result.prompt.chunks = textsField(object, "chunks");
    result.prompt.question = textField(object, "question");
    if (object.contains("answers"))
        result.answers = textsField(object, "answers");
    if (object.contains("raw")) {
        const json& raw = field(object, "raw");
        if (!raw.is_boolean())
            throw BadField("\"raw\" is neither true nor false");
        result.prompt.raw = raw.get<bool>();
    }
    return result;
}

std::string lowered(std::string_view text) {
    std::string lower(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

}  // namespace

engine::Result<std::vector<EvalCase>> parseEvalCases(std::istream& lines, const std::string& name) {
    std::vector<EvalCase> cases;
    std::set<std::string> ids;
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
        if (line.find_first_not_of(" \t\r") == std::string::npos)
            continue;
        std::string reason;
        try {
            EvalCase parsed = caseOf(json::parse(line));
            if (ids.insert(parsed.id).second)
                cases.push_back(std::move(parsed));
            else
                reason = "the id '" + parsed.id + "' stands on an earlier line already";
        } catch (const json::parse_error& error) {
            reason = "not JSON, at byte " + std::to_string(error.byte);
        } catch (const json::exception& error) {
            reason = error.what();
        } catch (const BadField& error) {
            reason = error.what();
        }
        if (!reason.empty())
            return engine::Status(engine::StatusCode::InvalidArgument, name + ":" + std::to_string(number) + ": " + reason);
    }
    if (lines.bad())
        return engine::Status(engine::StatusCode::IoError, name + ": cannot be read to its end");
    if (cases.empty())
        return engine::Status(engine::StatusCode::InvalidArgument, name + ": holds no case");
    return cases;
}

engine::Result<std::vector<EvalCase>> readEvalCases(const std::string& path) {
    if (path == "-")
        return parseEvalCases(std::cin, "standard input");
    std::ifstream file(path);
    if (!file)
        return engine::Status(engine::StatusCode::IoError,
                              path + ": cannot be opened: " + std::generic_category().message(errno));
    return parseEvalCases(file, path);
}

bool containsAnswer(std::string_view text, const std::vector<std::string>& answers) {
    const std::string lower = lowered(text);
    return std::any_of(answers.begin(), answers.end(), [&](const std::string& answer) {
        return !answer.empty() && lower.find(lowered(answer)) != std::string::npos;
    });
}

}  // namespace app
