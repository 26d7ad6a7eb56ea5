// A person's question to full-text search terms; the same cutting for what is indexed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace engine {

/// Text as full text search should see it: runs of CJK characters are cut into bigrams separated by spaces.
std::string searchableText(std::string_view text);

/// Search terms of a question: words (stop words dropped unless nothing else is left), CJK bigrams; distinct, at most 32.
/// Any bytes are fine; empty for a question without a word.
std::vector<std::string> queryTerms(std::string_view question);

}  // namespace engine
