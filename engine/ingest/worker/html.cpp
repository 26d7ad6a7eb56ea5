// HTML through gumbo's tree, walked without recursion: text and structure stay; scripts, styles, hidden parts and navigation
// go.
#include <gumbo.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "engine/ingest/utf8.h"
#include "engine/ingest/worker/readers.h"
#include "engine/ingest/worker/text_encoding.h"
#include "engine/ingest/worker/word_list.h"

namespace engine::worker {
namespace {

constexpr std::size_t kCharsetSearchBytes = 2048;
/// Nodes looked at to tell a data cell from a cell used for layout.
constexpr int kCellProbeNodes = 200;
/// A numeric attribute such as an ordered list's start.
constexpr int kMaxListStart = 1'000'000;

/// Memory of one parse, freed at once: gumbo frees its tree recursively, which a deep document would turn into a stack
/// overflow.
class Arena {
public:
    Arena() = default;
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;
    ~Arena() {
        for (void* block : m_blocks)
            std::free(block);
    }
    static void* allocate(void* arena, std::size_t bytes) { return static_cast<Arena*>(arena)->take(bytes); }
    static void release(void*, void*) {}

private:
    static constexpr std::size_t kBlockBytes = std::size_t{256} << 10;

    void* take(std::size_t bytes) {
        bytes = (std::max<std::size_t>(bytes, 1) + 15) / 16 * 16;
        if (bytes > kBlockBytes / 4)
            return newBlock(bytes);
        if (m_left < bytes) {
            m_next = static_cast<char*>(newBlock(kBlockBytes));
            m_left = kBlockBytes;
        }
        void* taken = m_next;
        m_next += bytes;
        m_left -= bytes;
        return taken;
    }
    void* newBlock(std::size_t bytes) {
        m_blocks.push_back(nullptr);
        void* block = std::malloc(bytes);
        if (block == nullptr)
            throw std::bad_alloc();
        m_blocks.back() = block;
        return block;
    }

    std::vector<void*> m_blocks;
    char* m_next = nullptr;
    std::size_t m_left = 0;
};

class HtmlTree {
public:
    explicit HtmlTree(std::string_view utf8) {
        GumboOptions options = kGumboDefaultOptions;
        options.allocator = &Arena::allocate;
        options.deallocator = &Arena::release;
        options.userdata = &m_arena;
        options.max_errors = 0;
        m_output = gumbo_parse_with_options(&options, utf8.data(), utf8.size());
    }
    const GumboNode* root() const { return m_output == nullptr ? nullptr : m_output->root; }

private:
    Arena m_arena;
    GumboOutput* m_output = nullptr;
};

bool isElement(const GumboNode* node) { return node->type == GUMBO_NODE_ELEMENT; }

bool isHtml(const GumboNode* node, GumboTag tag) {
    return isElement(node) && node->v.element.tag == tag && node->v.element.tag_namespace == GUMBO_NAMESPACE_HTML;
}

std::string_view attribute(const GumboNode* node, const char* name) {
    const GumboAttribute* found = gumbo_get_attribute(&node->v.element.attributes, name);
    return found == nullptr ? std::string_view() : std::string_view(found->value);
}

bool hasAttribute(const GumboNode* node, const char* name) {
    return gumbo_get_attribute(&node->v.element.attributes, name) != nullptr;
}

const GumboVector* childrenOf(const GumboNode* node) {
    if (isElement(node) || node->type == GUMBO_NODE_TEMPLATE)
        return &node->v.element.children;
    return node->type == GUMBO_NODE_DOCUMENT ? &node->v.document.children : nullptr;
}

std::size_t childCount(const GumboNode* node) {
    const GumboVector* children = childrenOf(node);
    return children == nullptr ? 0 : children->length;
}

const GumboNode* childAt(const GumboNode* node, std::size_t i) {
    return static_cast<const GumboNode*>(childrenOf(node)->data[i]);
}

bool isTextNode(const GumboNode* node) {
    return node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_WHITESPACE || node->type == GUMBO_NODE_CDATA;
}

/// Calls visit(node, depth below root) for a tree in document order, without recursion; false from visit leaves the children
/// out.
template <class Visit>
void visitTree(const GumboNode* root, Visit&& visit) {
    struct Place {
        const GumboNode* node;
        std::size_t child;
    };
    if (!visit(root))
        return;
    std::vector<Place> path{{root, 0}};
    while (!path.empty()) {
        Place& place = path.back();
        if (place.child >= childCount(place.node)) {
            path.pop_back();
            continue;
        }
        const GumboNode* child = childAt(place.node, place.child++);
        if (visit(child))
            path.push_back({child, 0});
    }
}

std::string textOf(const GumboNode* root) {
    std::string text;
    visitTree(root, [&](const GumboNode* node) {
        if (isTextNode(node))
            text += node->v.text.text;
        return true;
    });
    return text;
}

/// Elements whose content is no text of the document.
bool isLeftOut(const GumboNode* node) {
    if (node->type == GUMBO_NODE_TEMPLATE)
        return true;
    if (!isElement(node))
        return false;
    if (node->v.element.tag_namespace == GUMBO_NAMESPACE_SVG)
        return true;
    switch (node->v.element.tag) {
        case GUMBO_TAG_HEAD:
        case GUMBO_TAG_SCRIPT:
        case GUMBO_TAG_STYLE:
        case GUMBO_TAG_NOSCRIPT:
        case GUMBO_TAG_NAV:
        case GUMBO_TAG_IFRAME:
        case GUMBO_TAG_OBJECT:
        case GUMBO_TAG_APPLET:
        case GUMBO_TAG_CANVAS:
        case GUMBO_TAG_AUDIO:
        case GUMBO_TAG_VIDEO:
        case GUMBO_TAG_BUTTON:
        case GUMBO_TAG_SELECT:
        case GUMBO_TAG_TEXTAREA:
        case GUMBO_TAG_INPUT:
            return true;
        default:
            break;
    }
    const std::string_view role = attribute(node, "role");
    if (role == "navigation" || role == "search")
        return true;
    if (hasAttribute(node, "hidden") || attribute(node, "aria-hidden") == "true")
        return true;
    std::string style;
    for (const char c : attribute(node, "style"))
        if (c != ' ')
            style.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
    if (style.find("display:none") != std::string::npos || style.find("visibility:hidden") != std::string::npos)
        return true;
    // Navigation of the two widest-spread generators of manuals, Sphinx and DocBook.
    const std::string_view classes = attribute(node, "class");
    for (const std::string_view chrome : {"headerlink", "sphinxsidebar", "related", "navheader", "navfooter", "toc"})
        if (hasWord(classes, chrome))
            return true;
    return false;
}

int headingLevel(const GumboNode* node) {
    for (int level = 1; level <= 6; ++level)
        if (isHtml(node, static_cast<GumboTag>(GUMBO_TAG_H1 + level - 1)))
            return level;
    return 0;
}

bool isBlock(GumboTag tag) {
    static constexpr std::array<GumboTag, 31> kBlocks{
        GUMBO_TAG_P,        GUMBO_TAG_DIV,        GUMBO_TAG_SECTION, GUMBO_TAG_ARTICLE,    GUMBO_TAG_MAIN,
        GUMBO_TAG_ASIDE,    GUMBO_TAG_HEADER,     GUMBO_TAG_FOOTER,  GUMBO_TAG_BLOCKQUOTE, GUMBO_TAG_ADDRESS,
        GUMBO_TAG_FIGURE,   GUMBO_TAG_FIGCAPTION, GUMBO_TAG_DL,      GUMBO_TAG_DT,         GUMBO_TAG_FORM,
        GUMBO_TAG_FIELDSET, GUMBO_TAG_LEGEND,     GUMBO_TAG_TABLE,   GUMBO_TAG_CAPTION,    GUMBO_TAG_HR,
        GUMBO_TAG_DETAILS,  GUMBO_TAG_SUMMARY,    GUMBO_TAG_CENTER,  GUMBO_TAG_BODY,       GUMBO_TAG_HGROUP,
        GUMBO_TAG_DIR,      GUMBO_TAG_MENU,       GUMBO_TAG_PRE,     GUMBO_TAG_LISTING,    GUMBO_TAG_XMP,
        GUMBO_TAG_PLAINTEXT};
    return std::find(kBlocks.begin(), kBlocks.end(), tag) != kBlocks.end();
}

/// A cell that holds paragraphs, lists, headings or tables arranges the page; its content is not one row's data.
bool arrangesPage(const GumboNode* cell) {
    int nodes = 0;
    int blocks = 0;
    bool structure = false;
    visitTree(cell, [&](const GumboNode* node) {
        if (structure || ++nodes > kCellProbeNodes)
            return false;
        if (node != cell && isElement(node)) {
            const GumboTag tag = node->v.element.tag;
            structure = tag == GUMBO_TAG_TABLE || tag == GUMBO_TAG_UL || tag == GUMBO_TAG_OL || tag == GUMBO_TAG_DL ||
                        tag == GUMBO_TAG_PRE || headingLevel(node) > 0;
            blocks += tag == GUMBO_TAG_P || tag == GUMBO_TAG_DIV;
        }
        return true;
    });
    return structure || blocks > 1;
}

/// The one element that holds the page's content, when the page says which.
const GumboNode* contentOf(const GumboNode* root) {
    const GumboNode* content = nullptr;
    int found = 0;
    visitTree(root, [&](const GumboNode* node) {
        if (isLeftOut(node))
            return false;
        if (isElement(node) && (isHtml(node, GUMBO_TAG_MAIN) || attribute(node, "role") == "main")) {
            content = node;
            ++found;
            return false;
        }
        return true;
    });
    return found == 1 ? content : root;
}

class HtmlWalker {
public:
    explicit HtmlWalker(DocumentBuilder& builder) : m_builder(builder) {}

    void walk(const GumboNode* root) {
        struct Place {
            const GumboNode* node;
            std::size_t child;
        };
        std::vector<Place> path;
        const auto visit = [&](const GumboNode* node) {
            if (isTextNode(node))
                addText(node->v.text.text);
            else if (childrenOf(node) != nullptr && !isLeftOut(node)) {
                enter(node);
                path.push_back({node, 0});
            }
        };
        visit(root);
        while (!path.empty() && !m_builder.full()) {
            Place& place = path.back();
            if (place.child < childCount(place.node)) {
                visit(childAt(place.node, place.child++));
                continue;
            }
            const GumboNode* node = place.node;
            path.pop_back();
            leave(node);
        }
    }

private:
    struct List {
        bool ordered = false;
        int next = 1;
    };

    void addText(const char* text) {
        if (m_verbatim > 0)
            m_builder.addVerbatim(text);
        else
            m_builder.addText(text);
    }

    void breakBlock() {
        // Blocks in a data cell stay on the row's line.
        if (m_dataCells > 0)
            m_builder.addText(" ");
        else
            m_builder.breakParagraph();
    }

    void breakLine() {
        if (m_dataCells > 0)
            m_builder.addText(" ");
        else
            m_builder.breakLine();
    }

    void enter(const GumboNode* node) {
        if (!isElement(node))
            return;
        if (const std::string_view id = attribute(node, "id"); !id.empty())
            m_builder.markAnchor(std::string(id));
        if (node->v.element.tag_namespace != GUMBO_NAMESPACE_HTML)
            return;
        const GumboTag tag = node->v.element.tag;
        if (const int level = headingLevel(node); level > 0 && m_dataCells == 0) {
            m_builder.beginHeading(level);
            return;
        }
        switch (tag) {
            case GUMBO_TAG_A:
                if (const std::string_view name = attribute(node, "name"); !name.empty())
                    m_builder.markAnchor(std::string(name));
                break;
            case GUMBO_TAG_BR:
                breakLine();
                break;
            case GUMBO_TAG_DD:
                breakLine();
                break;
            case GUMBO_TAG_UL:
            case GUMBO_TAG_OL:
                beginList(node);
                break;
            case GUMBO_TAG_LI:
                beginItem();
                break;
            case GUMBO_TAG_TR:
                breakLine();
                m_cellInRow = 0;
                break;
            case GUMBO_TAG_TD:
            case GUMBO_TAG_TH:
                beginCell(node);
                break;
            case GUMBO_TAG_SUP:
                beginSuperscript(node);
                break;
            default:
                if (isBlock(tag))
                    breakBlock();
                break;
        }
        m_verbatim += isVerbatim(tag);
    }

    void leave(const GumboNode* node) {
        if (!isElement(node) || node->v.element.tag_namespace != GUMBO_NAMESPACE_HTML)
            return;
        const GumboTag tag = node->v.element.tag;
        m_verbatim -= isVerbatim(tag);
        if (headingLevel(node) > 0 && m_dataCells == 0) {
            m_builder.endHeading();
            return;
        }
        switch (tag) {
            case GUMBO_TAG_UL:
            case GUMBO_TAG_OL:
                endList();
                break;
            case GUMBO_TAG_LI:
                m_builder.setPrefix("");
                breakLine();
                break;
            case GUMBO_TAG_TD:
            case GUMBO_TAG_TH:
                endCell(node);
                break;
            case GUMBO_TAG_DD:
            case GUMBO_TAG_TR:
                breakLine();
                break;
            default:
                if (isBlock(tag))
                    breakBlock();
                break;
        }
    }

    static bool isVerbatim(GumboTag tag) {
        return tag == GUMBO_TAG_PRE || tag == GUMBO_TAG_LISTING || tag == GUMBO_TAG_XMP || tag == GUMBO_TAG_PLAINTEXT;
    }

    void beginList(const GumboNode* node) {
        List list{isHtml(node, GUMBO_TAG_OL), 1};
        if (const std::string_view start = attribute(node, "start"); !start.empty())
            list.next = std::clamp(std::atoi(std::string(start).c_str()), 0, kMaxListStart);
        if (m_lists.empty())
            breakBlock();
        else
            breakLine();
        m_lists.push_back(list);
    }

    void endList() {
        if (!m_lists.empty())
            m_lists.pop_back();
        if (m_lists.empty())
            breakBlock();
        else
            breakLine();
    }

    void beginItem() {
        breakLine();
        if (m_dataCells > 0)
            return;
        std::string prefix(m_lists.empty() ? 0 : 2 * (std::min<std::size_t>(m_lists.size(), 16) - 1), ' ');
        prefix += !m_lists.empty() && m_lists.back().ordered ? std::to_string(m_lists.back().next++) + ". " : "- ";
        m_builder.setPrefix(std::move(prefix));
    }

    void beginCell(const GumboNode* node) {
        if (arrangesPage(node)) {
            breakBlock();
            return;
        }
        if (m_dataCells == 0 && m_cellInRow > 0)
            m_builder.nextCell();
        ++m_cellInRow;
        ++m_dataCells;
    }

    void endCell(const GumboNode* node) {
        if (arrangesPage(node))
            breakBlock();
        else
            --m_dataCells;
    }

    /// 10^6 must not become 106; a footnote's mark in a link stays as it is.
    void beginSuperscript(const GumboNode* node) {
        if (childCount(node) != 1 || !isTextNode(childAt(node, 0)))
            return;
        const char first = childAt(node, 0)->v.text.text[0];
        if ((first >= '0' && first <= '9') || first == '-')
            m_builder.addText("^");
    }

    DocumentBuilder& m_builder;
    std::vector<List> m_lists;
    int m_verbatim = 0;   // elements around that keep white space
    int m_dataCells = 0;  // table cells around that hold data
    int m_cellInRow = 0;
};

/// The charset that an HTML document declares: <meta charset=…>, <meta … content="…charset=…"> or an XML declaration.
std::string declaredCharset(std::string_view bytes) {
    std::string start;
    for (const char c : bytes.substr(0, kCharsetSearchBytes))
        start.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
    std::size_t at = start.starts_with("<?xml") ? start.find("encoding=") : std::string::npos;
    if (at != std::string::npos && at < start.find("?>"))
        at += 9;
    else if (at = start.find("charset="); at != std::string::npos)
        at += 8;
    else
        return {};
    at = start.find_first_not_of("\"' ", at);
    if (at == std::string::npos)
        return {};
    return start.substr(at, start.find_first_of("\"'; />?", at) - at);
}

}  // namespace

void addHtml(DocumentBuilder& builder, std::string_view utf8) {
    const HtmlTree tree(utf8);
    const GumboNode* root = tree.root();
    if (root == nullptr)
        return;
    for (std::size_t i = 0; i < childCount(root); ++i) {
        const GumboNode* head = childAt(root, i);
        for (std::size_t j = 0; isHtml(head, GUMBO_TAG_HEAD) && j < childCount(head); ++j)
            if (isHtml(childAt(head, j), GUMBO_TAG_TITLE))
                builder.setTitle(textOf(childAt(head, j)));
    }
    HtmlWalker(builder).walk(contentOf(root));
}

std::vector<HtmlLink> tableOfContents(std::string_view utf8) {
    const HtmlTree tree(utf8);
    std::vector<HtmlLink> links;
    const GumboNode* nav = nullptr;
    if (tree.root() == nullptr)
        return links;
    visitTree(tree.root(), [&](const GumboNode* node) {
        if (nav == nullptr && isHtml(node, GUMBO_TAG_NAV) && hasWord(attribute(node, "epub:type"), "toc"))
            nav = node;
        return nav == nullptr;
    });
    if (nav == nullptr)
        return links;
    visitTree(nav, [&](const GumboNode* node) {
        if (!isHtml(node, GUMBO_TAG_A) || attribute(node, "href").empty())
            return true;
        HtmlLink link{std::string(attribute(node, "href")), oneLine(textOf(node)), 0};
        for (const GumboNode* parent = node->parent; parent != nullptr && parent != nav; parent = parent->parent)
            link.level += isHtml(parent, GUMBO_TAG_OL) || isHtml(parent, GUMBO_TAG_UL);
        link.level = std::clamp(link.level, 1, 6);
        links.push_back(std::move(link));
        return false;
    });
    return links;
}

Result<ParsedDocument> readHtml(std::string_view bytes) {
    const Result<std::string> decoded = toUtf8(bytes, declaredCharset(bytes));
    if (!decoded.ok())
        return decoded.status();
    DocumentBuilder builder;
    addHtml(builder, withoutControls(*decoded));
    return builder.finish("text/html", DocumentBuilder::FirstHeading::AsTitle);
}

}  // namespace engine::worker
