// What tells one request from another in the response cache and in stored prompts.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/message.h"
#include "runner/endpoints/model_client.h"

namespace peira::runner {

// [{"role", "content"}]; content is the text, or a list of parts when there is media.
Json messages_json(const std::vector<Message>& messages);

// SHA-256 of all that decides the reply to `request`, whose messages as JSON are `messages`.
// model_identity  the dump of ModelClient::identity().
std::string request_key(const ModelRequest& request, const Json& messages,
                        const std::string& model_identity);

// The same from the request alone.
std::string cache_key(const ModelRequest& request, const Json& model_identity);

}  // namespace peira::runner
