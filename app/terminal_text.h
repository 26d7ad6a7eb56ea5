// Text for a terminal: strangers' text made harmless, and aligned tables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace app {

enum class LineBreaks { Keep, Flatten };

/// `text` with control characters (escape sequences), bidirectional overrides and zero-width characters shown as "<U+202E>", so
/// that a document's or a model's text cannot steer the terminal. Tabs stay; newlines stay or become spaces.
std::string printable(std::string_view text, LineBreaks lineBreaks);

/// Code points of UTF-8 text; what alignment counts.
int codePoints(std::string_view text);
/// At most `width` code points, the last an ellipsis when something was cut.
std::string shortened(std::string_view text, int width);

enum class Align { Left, Right };

/// Rows of cells under headings, aligned by column. Cells must be printable().
class TextTable {
public:
    struct Column {
        std::string heading;
        Align align = Align::Left;
    };

    explicit TextTable(std::vector<Column> columns) : m_columns(std::move(columns)) {}

    /// One cell a column.
    void addRow(std::vector<std::string> cells);
    bool empty() const { return m_rows.empty(); }
    /// Lines with a newline each; two spaces between columns, none at a line's end.
    std::string text() const;

private:
    std::vector<Column> m_columns;
    std::vector<std::vector<std::string>> m_rows;
};

}  // namespace app
