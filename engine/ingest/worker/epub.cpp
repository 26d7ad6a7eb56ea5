// EPUB 2 and 3: container → package → spine in reading order; the table of contents (nav or NCX) joins the chapters' own
// headings.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/ingest/utf8.h"
#include "engine/ingest/worker/headings.h"
#include "engine/ingest/worker/readers.h"
#include "engine/ingest/worker/text_encoding.h"
#include "engine/ingest/worker/word_list.h"
#include "engine/ingest/worker/xhtml.h"
#include "engine/ingest/worker/xml_reader.h"
#include "engine/ingest/worker/zip_archive.h"

namespace engine::worker {
namespace {

/// A chapter's heading counts as a contents entry's when it stands this near behind its place (an image's caption may come
/// between).
constexpr std::int64_t kHeadingDistance = 200;

Status refused(std::string why) { return Status(StatusCode::Refused, std::move(why)); }

std::string attribute(const XmlElement& element, const std::string& name) {
    const auto found = element.attributes.find(name);
    return found == element.attributes.end() ? std::string() : found->second;
}

int hexValue(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string percentDecoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hexValue(text[i + 1]) >= 0 && hexValue(text[i + 2]) >= 0) {
            decoded.push_back(static_cast<char>(hexValue(text[i + 1]) * 16 + hexValue(text[i + 2])));
            i += 2;
        } else {
            decoded.push_back(text[i]);
        }
    }
    return decoded;
}

/// An archive path from a link relative to the entry `base`; "." and ".." are resolved and cannot leave the archive.
std::string resolved(const std::string& base, std::string_view link) {
    std::string path = base.substr(0, base.rfind('/') + 1) + percentDecoded(link);
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        const std::string part = path.substr(at, end - at);
        if (part == "..") {
            if (!parts.empty())
                parts.pop_back();
        } else if (!part.empty() && part != ".") {
            parts.push_back(part);
        }
        at = end + 1;
    }
    std::string joined;
    for (const std::string& part : parts)
        joined += (joined.empty() ? "" : "/") + part;
    return joined;
}

struct ManifestItem {
    std::string path;
    std::string mediaType;
    std::string properties;
};

struct Package {
    std::string title;
    std::vector<std::string> spine;  // archive paths of XHTML entries
    std::string nav;                 // EPUB 3
    std::string ncx;                 // EPUB 2
};

/// One line of the table of contents.
struct ContentsEntry {
    std::string path;
    std::string fragment;
    std::string title;
    int level = 1;
};

class EpubReader {
public:
    explicit EpubReader(ZipArchive archive) : m_archive(std::move(archive)) {}

    Result<ParsedDocument> read() {
        Result<Package> package = readPackage();
        if (!package.ok())
            return package.status();
        if (Status protection = checkProtection(package->spine); !protection.ok())
            return protection;
        if (Status contents = readContents(*package); !contents.ok())
            return contents;
        DocumentBuilder builder;
        builder.setTitle(package->title);
        for (const std::string& path : package->spine) {
            if (Status added = addChapter(builder, path); !added.ok())
                return added;
            if (builder.full())
                break;
        }
        return builder.finish("application/epub+zip", DocumentBuilder::FirstHeading::AsTitle);
    }

private:
    Result<Package> readPackage() {
        if (!m_archive.contains("META-INF/container.xml"))
            return refused("not an EPUB: the archive has no META-INF/container.xml");
        const Result<std::string> container = m_archive.read("META-INF/container.xml");
        if (!container.ok())
            return container.status();
        const Result<std::vector<XmlElement>> roots = readXml(*container, Doctype::Refused, "the EPUB's container.xml");
        if (!roots.ok())
            return roots.status();
        const auto root =
            std::find_if(roots->begin(), roots->end(), [](const XmlElement& e) { return e.name == "rootfile"; });
        if (root == roots->end())
            return refused("damaged EPUB: its container.xml names no package");
        const std::string path = resolved("", attribute(*root, "full-path"));
        const Result<std::string> opf = m_archive.read(path);
        if (!opf.ok())
            return opf.status();
        const Result<std::vector<XmlElement>> elements = readXml(*opf, Doctype::Refused, "the EPUB's package " + path);
        if (!elements.ok())
            return elements.status();
        return packageOf(*elements, path);
    }

    static Result<Package> packageOf(const std::vector<XmlElement>& elements, const std::string& path) {
        Package package;
        std::map<std::string, ManifestItem> items;
        for (const XmlElement& element : elements) {
            if (element.name == "title" && package.title.empty())
                package.title = oneLine(element.text);
            if (element.name == "item")
                items[attribute(element, "id")] = {resolved(path, attribute(element, "href")),
                                                   attribute(element, "media-type"), attribute(element, "properties")};
        }
        for (const auto& [id, item] : items) {
            if (hasWord(item.properties, "nav"))
                package.nav = item.path;
            if (item.mediaType == "application/x-dtbncx+xml")
                package.ncx = item.path;
        }
        for (const XmlElement& element : elements) {
            if (element.name != "itemref")
                continue;
            const auto item = items.find(attribute(element, "idref"));
            if (item != items.end() &&
                (item->second.mediaType == "application/xhtml+xml" || item->second.mediaType == "text/html"))
                package.spine.push_back(item->second.path);
        }
        if (package.spine.empty())
            return refused("damaged EPUB: its package lists no text to read");
        return package;
    }

    /// encryption.xml also lists fonts that are only obscured; text in it is protected.
    Status checkProtection(const std::vector<std::string>& spine) {
        if (!m_archive.contains("META-INF/encryption.xml"))
            return {};
        const Result<std::string> content = m_archive.read("META-INF/encryption.xml");
        if (!content.ok())
            return content.status();
        const Result<std::vector<XmlElement>> elements = readXml(*content, Doctype::Refused, "the EPUB's encryption.xml");
        if (!elements.ok())
            return elements.status();
        for (const XmlElement& element : *elements) {
            const std::string path = resolved("", attribute(element, "URI"));
            if (element.name == "CipherReference" && std::find(spine.begin(), spine.end(), path) != spine.end())
                return refused("encrypted EPUB: its text is protected (DRM)");
        }
        return {};
    }

    Status readContents(const Package& package) {
        if (!package.nav.empty() && m_archive.contains(package.nav)) {
            const Result<std::string> xhtml = readXhtml(package.nav);
            if (!xhtml.ok())
                return xhtml.status();
            for (const HtmlLink& link : tableOfContents(*xhtml))
                addEntry(package.nav, link.target, link.text, link.level);
        }
        if (m_contents.empty() && !package.ncx.empty() && m_archive.contains(package.ncx))
            return readNcx(package.ncx);
        return {};
    }

    Status readNcx(const std::string& path) {
        const Result<std::string> content = m_archive.read(path);
        if (!content.ok())
            return content.status();
        const Result<std::vector<XmlElement>> elements = readXml(*content, Doctype::EmptyAllowed, "the EPUB's NCX " + path);
        if (!elements.ok())
            return elements.status();
        std::vector<int> points;  // depths of the navPoints around
        std::string label;
        bool labelled = false;
        for (const XmlElement& element : *elements) {
            while (!points.empty() && points.back() >= element.depth)
                points.pop_back();
            if (element.name == "navPoint") {
                points.push_back(element.depth);
                label.clear();
                labelled = false;
            } else if (element.name == "text" && !points.empty() && !labelled) {
                label = element.text;
                labelled = true;
            } else if (element.name == "content" && !points.empty()) {
                addEntry(path, attribute(element, "src"), label, static_cast<int>(points.size()));
            }
        }
        return {};
    }

    void addEntry(const std::string& base, const std::string& target, const std::string& title, int level) {
        const std::size_t hash = std::min(target.find('#'), target.size());
        ContentsEntry entry{hash == 0 ? base : resolved(base, target.substr(0, hash)),
                            percentDecoded(std::string_view(target).substr(std::min(hash + 1, target.size()))),
                            oneLine(title), level};
        if (!entry.title.empty())
            m_contents.push_back(std::move(entry));
    }

    Result<std::string> readXhtml(const std::string& path) {
        const Result<std::string> bytes = m_archive.read(path);
        if (!bytes.ok())
            return bytes.status();
        const Result<std::string> utf8 = toUtf8(*bytes, "");
        if (!utf8.ok())
            return utf8.status();
        return withElementsClosed(withoutControls(*utf8));
    }

    Status addChapter(DocumentBuilder& builder, const std::string& path) {
        const Result<std::string> xhtml = readXhtml(path);
        if (!xhtml.ok())
            return xhtml.status();
        builder.breakParagraph();
        builder.forgetAnchors();
        builder.markAnchor("");
        const std::size_t firstSection = builder.sections().size();
        addHtml(builder, *xhtml);
        const std::map<std::string, std::int64_t>& anchors = builder.anchors();
        std::vector<storage::SectionMark>& sections = builder.sections();
        const std::size_t ownSections = sections.size();
        for (const ContentsEntry& entry : m_contents) {
            if (entry.path != path)
                continue;
            auto anchor = anchors.find(entry.fragment);
            if (anchor == anchors.end())
                anchor = anchors.find("");
            if (anchor == anchors.end())
                continue;
            const auto heading = headingOf(sections, firstSection, ownSections, anchor->second, entry.title);
            if (heading < ownSections)
                sections[heading].level = entry.level;
            else
                sections.push_back({anchor->second, entry.level, entry.title});
        }
        // An entry without a heading comes before a heading at the same place, which is the inner one.
        std::rotate(sections.begin() + static_cast<std::ptrdiff_t>(firstSection),
                    sections.begin() + static_cast<std::ptrdiff_t>(ownSections), sections.end());
        return {};
    }

    /// The chapter's heading that says what the contents entry says, at its place; `end` when there is none.
    static std::size_t headingOf(const std::vector<storage::SectionMark>& sections, std::size_t begin, std::size_t end,
                                 std::int64_t place, const std::string& title) {
        const std::string key = headingKey(title);
        for (std::size_t i = begin; i < end; ++i) {
            if (sections[i].begin < place || sections[i].begin > place + kHeadingDistance)
                continue;
            const std::string own = headingKey(sections[i].title);
            if (!own.empty() && (own == key || own == headingKey(withoutHeadingNumber(title)) ||
                                 key == headingKey(withoutHeadingNumber(sections[i].title))))
                return i;
        }
        return end;
    }

    ZipArchive m_archive;
    std::vector<ContentsEntry> m_contents;
};

}  // namespace

Result<ParsedDocument> readEpub(std::string_view bytes) {
    Result<ZipArchive> archive = ZipArchive::open(bytes);
    if (!archive.ok())
        return archive.status();
    return EpubReader(std::move(*archive)).read();
}

}  // namespace engine::worker
