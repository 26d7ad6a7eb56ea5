// Small XML files (an EPUB's package, container and NCX) as a flat list of elements.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/types.h"

namespace engine::worker {

struct XmlElement {
    std::string name;  // without namespace
    std::map<std::string, std::string> attributes;
    std::string text;  // directly inside
    int depth = 0;     // 0 = root
};

/// A DOCTYPE can declare entities that grow without bound. NCX files by the letter of their standard carry one that declares
/// nothing.
enum class Doctype { Refused, EmptyAllowed };

/// Elements in document order. Errors: Refused (not well-formed, DOCTYPE, entities, too deep, too many). Nothing outside is
/// loaded.
Result<std::vector<XmlElement>> readXml(std::string_view bytes, Doctype doctype, const std::string& name);

}  // namespace engine::worker
