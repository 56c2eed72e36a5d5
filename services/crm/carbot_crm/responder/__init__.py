"""The responder: what the bot answers. Rules without any network always; a language model for what they do not know, if there is one."""
