DROP TABLE commits;
DROP TABLE events;
DROP TABLE members;
DROP TABLE conversations;
