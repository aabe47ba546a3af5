DROP FUNCTION unread_messages;
