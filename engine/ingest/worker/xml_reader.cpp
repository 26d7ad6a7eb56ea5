// expat with handlers that stop the parser at the first thing that is not allowed.
#include "engine/ingest/worker/xml_reader.h"

#include <expat.h>

#include <memory>

#include "engine/ingest/worker/limits.h"

namespace engine::worker {
namespace {

constexpr std::size_t kMaxElements = 500'000;
constexpr char kNamespaceEnd = '|';

struct ParserFree {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};

/// expat's user data. Handlers are called from C and throw nothing but bad_alloc, which the new-handler turns into an exit.
struct Reading {
    XML_Parser parser = nullptr;
    Doctype doctype = Doctype::Refused;
    std::vector<XmlElement> elements;
    std::vector<std::size_t> open;  // indices of elements around
    std::string fault;

    void stop(const char* why) {
        if (fault.empty())
            fault = why;
        XML_StopParser(parser, XML_FALSE);
    }
};

Reading& readingOf(void* user) { return *static_cast<Reading*>(user); }

std::string localName(const char* name) {
    const std::string_view whole(name);
    const std::size_t end = whole.rfind(kNamespaceEnd);
    return std::string(end == std::string_view::npos ? whole : whole.substr(end + 1));
}

void onStart(void* user, const char* name, const char** attributes) {
    Reading& reading = readingOf(user);
    if (reading.open.size() >= static_cast<std::size_t>(kMaxXmlDepth))
        return reading.stop("its elements are nested too deeply");
    if (reading.elements.size() >= kMaxElements)
        return reading.stop("it has too many elements");
    XmlElement element;
    element.name = localName(name);
    element.depth = static_cast<int>(reading.open.size());
    for (; attributes[0] != nullptr; attributes += 2)
        element.attributes.emplace(localName(attributes[0]), attributes[1]);
    reading.open.push_back(reading.elements.size());
    reading.elements.push_back(std::move(element));
}

void onEnd(void* user, const char*) { readingOf(user).open.pop_back(); }

void onText(void* user, const char* text, int length) {
    Reading& reading = readingOf(user);
    if (!reading.open.empty())
        reading.elements[reading.open.back()].text.append(text, static_cast<std::size_t>(length));
}

void onDoctype(void* user, const char*, const char*, const char*, int hasInternalSubset) {
    Reading& reading = readingOf(user);
    if (reading.doctype == Doctype::Refused || hasInternalSubset != 0)
        reading.stop("it has a DOCTYPE, which is not allowed there");
}

void onEntity(void* user, const char*, int, const char*, int, const char*, const char*, const char*, const char*) {
    readingOf(user).stop("it declares entities");
}

}  // namespace

Result<std::vector<XmlElement>> readXml(std::string_view bytes, Doctype doctype, const std::string& name) {
    const std::unique_ptr<XML_ParserStruct, ParserFree> parser(XML_ParserCreateNS(nullptr, kNamespaceEnd));
    if (parser == nullptr)
        return Status(StatusCode::OutOfMemory, "no memory to read " + name);
    Reading reading;
    reading.parser = parser.get();
    reading.doctype = doctype;
    XML_SetUserData(parser.get(), &reading);
    XML_SetElementHandler(parser.get(), onStart, onEnd);
    XML_SetCharacterDataHandler(parser.get(), onText);
    XML_SetStartDoctypeDeclHandler(parser.get(), onDoctype);
    XML_SetEntityDeclHandler(parser.get(), onEntity);
    const bool wellFormed = XML_Parse(parser.get(), bytes.data(), static_cast<int>(bytes.size()), XML_TRUE) == XML_STATUS_OK;
    if (!reading.fault.empty())
        return Status(StatusCode::Refused, name + " is refused: " + reading.fault);
    if (!wellFormed)
        return Status(StatusCode::Refused, name + " is damaged: line " +
                                               std::to_string(XML_GetCurrentLineNumber(parser.get())) + ", " +
                                               XML_ErrorString(XML_GetErrorCode(parser.get())));
    return std::move(reading.elements);
}

}  // namespace engine::worker
