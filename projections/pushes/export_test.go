package pushes

// Sentence is for the tests of the words.
var Sentence = sentence
