// Where pictures and videos stand in a prompt.
#pragma once

#include <vector>

#include "base/message.h"

namespace peira::evals {

// `messages` with their media in place: each mark of a part (Part::text, "<image 2>") in a text
// gives way to the part, as often as it is met; what no text mentions comes first, in its order.
std::vector<Message> place_media(std::vector<Message> messages);

}  // namespace peira::evals
