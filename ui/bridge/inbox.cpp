// What the engine thread has to tell the GUI thread.
#include "ui/bridge/inbox.h"

#include <algorithm>

namespace ui {

bool isUrgent(const Post& post) {
    return !std::holds_alternative<TextPost>(post) && !std::holds_alternative<ProgressPost>(post) &&
           !std::holds_alternative<FilePost>(post);
}

void Inbox::add(Post post) {
    bool wake = false;
    {
        const std::lock_guard lock(m_mutex);
        // One wake for a batch; another when the batch, so far of text and progress only, has become urgent.
        wake = m_posts.empty() || (isUrgent(post) && std::none_of(m_posts.begin(), m_posts.end(), isUrgent));
        if (!m_posts.empty()) {
            if (auto* text = std::get_if<TextPost>(&post)) {
                if (auto* last = std::get_if<TextPost>(&m_posts.back()); last != nullptr && last->id == text->id) {
                    last->utf8 += text->utf8;
                    return;
                }
            } else if (auto* progress = std::get_if<ProgressPost>(&post)) {
                if (auto* last = std::get_if<ProgressPost>(&m_posts.back()); last != nullptr && last->id == progress->id) {
                    *last = std::move(*progress);
                    return;
                }
            }
        }
        m_posts.push_back(std::move(post));
    }
    if (wake)
        m_wake();
}

std::vector<Post> Inbox::take() {
    const std::lock_guard lock(m_mutex);
    return std::exchange(m_posts, {});
}

}  // namespace ui
