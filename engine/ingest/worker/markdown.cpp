// Markdown through cmark's tree: markup goes, structure stays (headings, lists, code as it was written).
#include <cmark.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "engine/ingest/utf8.h"
#include "engine/ingest/worker/readers.h"
#include "engine/ingest/worker/text_encoding.h"

namespace engine::worker {
namespace {

/// A front matter longer than this is text.
constexpr int kMaxFrontMatterLines = 200;

struct NodeFree {
    void operator()(cmark_node* node) const { cmark_node_free(node); }
};
struct IteratorFree {
    void operator()(cmark_iter* iterator) const { cmark_iter_free(iterator); }
};

std::string_view literalOf(cmark_node* node) {
    const char* literal = cmark_node_get_literal(node);
    return literal == nullptr ? std::string_view() : std::string_view(literal);
}

/// Takes a YAML front matter (between two "---" lines at the very start) off the text; its title, when it has one.
std::string takeFrontMatter(std::string_view& text) {
    if (!text.starts_with("---\n"))
        return {};
    std::string title;
    std::size_t at = 4;
    for (int line = 0; line < kMaxFrontMatterLines && at < text.size(); ++line) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view content = text.substr(at, end - at);
        at = std::min(end + 1, text.size());
        if (content == "---" || content == "...") {
            text.remove_prefix(at);
            return title;
        }
        if (content.starts_with("title:")) {
            title = oneLine(content.substr(6));
            if (title.size() >= 2 && (title.front() == '"' || title.front() == '\'') && title.back() == title.front())
                title = title.substr(1, title.size() - 2);
        }
    }
    return {};
}

class MarkdownWalker {
public:
    explicit MarkdownWalker(DocumentBuilder& builder) : m_builder(builder) {}

    void walk(cmark_node* root) {
        const std::unique_ptr<cmark_iter, IteratorFree> iterator(cmark_iter_new(root));
        for (cmark_event_type event; (event = cmark_iter_next(iterator.get())) != CMARK_EVENT_DONE && !m_builder.full();) {
            cmark_node* node = cmark_iter_get_node(iterator.get());
            if (event == CMARK_EVENT_ENTER)
                enter(node);
            else
                leave(node);
        }
    }

private:
    struct List {
        bool ordered = false;
        int next = 1;
    };

    void enter(cmark_node* node) {
        switch (cmark_node_get_type(node)) {
            case CMARK_NODE_HEADING:
                m_builder.beginHeading(cmark_node_get_heading_level(node));
                break;
            case CMARK_NODE_PARAGRAPH:
                breakBlock(node);
                m_tableLike = isTableLike(node);
                break;
            case CMARK_NODE_BLOCK_QUOTE:
            case CMARK_NODE_THEMATIC_BREAK:
                m_builder.breakParagraph();
                break;
            case CMARK_NODE_LIST:
                m_lists.push_back({cmark_node_get_list_type(node) == CMARK_ORDERED_LIST, cmark_node_get_list_start(node)});
                if (m_lists.size() == 1)
                    m_builder.breakParagraph();
                break;
            case CMARK_NODE_ITEM:
                beginItem();
                break;
            case CMARK_NODE_CODE_BLOCK:
                m_builder.breakParagraph();
                m_builder.addVerbatim(literalOf(node));
                m_builder.breakParagraph();
                break;
            case CMARK_NODE_HTML_BLOCK:
                m_builder.breakParagraph();
                addHtml(m_builder, literalOf(node));
                m_builder.breakParagraph();
                break;
            case CMARK_NODE_TEXT:
            case CMARK_NODE_CODE:
                m_builder.addText(literalOf(node));
                break;
            case CMARK_NODE_SOFTBREAK:
                if (m_tableLike)
                    m_builder.breakLine();
                else
                    m_builder.addText(" ");
                break;
            case CMARK_NODE_LINEBREAK:
                m_builder.breakLine();
                break;
            case CMARK_NODE_HTML_INLINE:
                if (literalOf(node).starts_with("<br"))
                    m_builder.breakLine();
                break;
            default:
                break;
        }
    }

    void leave(cmark_node* node) {
        switch (cmark_node_get_type(node)) {
            case CMARK_NODE_HEADING:
                m_builder.endHeading();
                break;
            case CMARK_NODE_PARAGRAPH:
                breakBlock(node);
                break;
            case CMARK_NODE_BLOCK_QUOTE:
                m_builder.breakParagraph();
                break;
            case CMARK_NODE_ITEM:
                m_builder.setPrefix("");
                break;
            case CMARK_NODE_LIST:
                m_lists.pop_back();
                if (m_lists.empty())
                    m_builder.breakParagraph();
                break;
            default:
                break;
        }
    }

    void beginItem() {
        m_builder.breakLine();
        List& list = m_lists.back();
        std::string prefix(2 * (m_lists.size() - 1), ' ');
        prefix += list.ordered ? std::to_string(list.next++) + ". " : "- ";
        m_builder.setPrefix(std::move(prefix));
    }

    void breakBlock(cmark_node* paragraph) {
        cmark_node* item = cmark_node_parent(paragraph);
        cmark_node* list = item == nullptr ? nullptr : cmark_node_parent(item);
        if (list != nullptr && cmark_node_get_type(list) == CMARK_NODE_LIST && cmark_node_get_list_tight(list) != 0)
            m_builder.breakLine();
        else
            m_builder.breakParagraph();
    }

    /// cmark knows no tables: one is a paragraph of lines with bars, and its lines stay lines.
    static bool isTableLike(cmark_node* paragraph) {
        cmark_node* first = cmark_node_first_child(paragraph);
        return first != nullptr && cmark_node_get_type(first) == CMARK_NODE_TEXT && literalOf(first).starts_with("|");
    }

    DocumentBuilder& m_builder;
    std::vector<List> m_lists;
    bool m_tableLike = false;
};

}  // namespace

Result<ParsedDocument> readMarkdown(std::string_view bytes) {
    const Result<std::string> decoded = toUtf8(bytes, "");
    if (!decoded.ok())
        return decoded.status();
    const std::string clean = withoutControls(*decoded);
    std::string_view text = clean;
    DocumentBuilder builder;
    builder.setTitle(takeFrontMatter(text));
    const std::unique_ptr<cmark_node, NodeFree> root(cmark_parse_document(text.data(), text.size(), CMARK_OPT_DEFAULT));
    MarkdownWalker(builder).walk(root.get());
    return builder.finish("text/markdown", DocumentBuilder::FirstHeading::AsTitle);
}

}  // namespace engine::worker
