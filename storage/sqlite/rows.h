// All rows of a statement as values.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "storage/sqlite/database.h"

namespace storage {

/// Every row of `statement` through `read`, which returns a Row, or an optional one: what is empty is left out.
template <class Row, class Read>
Result<std::vector<Row>> collectRows(Statement& statement, const Read& read) {
    std::vector<Row> rows;
    for (;;) {
        const Result<bool> row = statement.step();
        if (!row)
            return row.status();
        if (!*row)
            return rows;
        if constexpr (std::is_same_v<std::invoke_result_t<const Read&, const Statement&>, std::optional<Row>>) {
            if (std::optional<Row> made = read(statement))
                rows.push_back(*std::move(made));
        } else {
            rows.push_back(read(statement));
        }
    }
}

}  // namespace storage
